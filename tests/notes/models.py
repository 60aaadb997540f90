import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from cachedemo.models import Stamped
from users.models import User


class Note(Stamped):
    """Two plain fields that every pattern can write, one that is not cached, and an owner to cascade from."""

    title = models.CharField(max_length=100)
    body = models.CharField(max_length=1000, default="")
    size = models.IntegerField(default=0)
    secret = models.CharField(max_length=100, default="", blank=True)
    owner = models.ForeignKey(User, models.CASCADE, null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(size__gte=0), name="size_is_no_debt"),)


class Draft(Note):
    """A proxy, which has looked its managers up before anything is registered."""

    class Meta:
        proxy = True


class Essay(Note):
    """A child in a table of its own."""

    extra = models.CharField(max_length=100, default="")


class Tag(Stamped):
    """A model that never uses write-behind."""

    name = models.CharField(max_length=100)


class Shelf(models.Model):
    """No cache knows it, but rows that have one refer to it."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


def the_other_shelf() -> int | None:
    return Shelf.objects.filter(name="other").values_list("pk", flat=True).first()


def to_the_other_shelf(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """What a project may write itself: Django looks at the rows before it calls this."""
    collector.add_field_update(field, the_other_shelf(), sub_objs)


def shelf(on_delete: Any, **options: Any) -> Any:
    return models.ForeignKey(Shelf, on_delete, null=True, blank=True, related_name="+", **options)


class Paper(Stamped):
    """Refers to a shelf in each way that changes the row when the shelf is deleted."""

    title = models.CharField(max_length=100)
    nulled = models.ForeignKey(Shelf, models.SET_NULL, null=True, blank=True, related_name="papers")
    set = shelf(models.SET(the_other_shelf))
    defaulted = shelf(models.SET_DEFAULT, default=the_other_shelf)
    own = shelf(to_the_other_shelf)


class Sample(Stamped):
    """A field of each kind that JSON has no word for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    price = models.DecimalField(max_digits=12, decimal_places=4)
    at = models.DateTimeField()
    day = models.DateField(null=True, blank=True)
    took = models.DurationField(null=True, blank=True)
    ratio = models.FloatField(default=0.1)
    flags = models.JSONField(default=dict)
    done = models.BooleanField(default=False)
    paper = models.FileField(null=True, blank=True)
    coded = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
