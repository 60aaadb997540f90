import uuid

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


class Tag(Stamped):
    """A model that never uses write-behind."""

    name = models.CharField(max_length=100)


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
