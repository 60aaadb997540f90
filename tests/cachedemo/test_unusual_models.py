"""Saves, bulk methods and cascades of models that are unlike the demo's: children, proxies, odd names, other keys."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import Count, F, OuterRef, Q, Subquery

import cachedemo
from cachedemo import cache_for
from cachedemo.models import Stamped
from tests.cachedemo.test_cascades import new_models

ROWS = ("a", "b", "p")


class Zoo:
    """The models of one test, and the cache of the animals."""

    def __init__(self, group: Any, animal: Any, pet: Any, wild: Any) -> None:
        self.group, self.animal, self.pet, self.wild = group, animal, pet, wild
        self.cache = cache_for(animal)

    def shown(self) -> dict[str, tuple[Any, ...]]:
        """What reads show, which must be what the rows have once nothing waits: name, legs, data, group, parent."""
        seen = {key: _values(row) for key, row in self.cache.get_many(ROWS).items()}
        self.cache.drain(timeout=5)
        assert seen == {row.pk: _values(row) for row in self.animal.objects.filter(pk__in=ROWS)}
        return seen


def _values(row: Any) -> tuple[Any, ...]:
    return row.name, row.legs, row.data, row.group_id, row.parent_id


@pytest.fixture
def zoo(transactional_db: None) -> Iterator[Zoo]:
    with new_models() as made:

        class Group(models.Model):  # noqa: DJ008
            code = models.CharField(max_length=10, unique=True)

            class Meta:
                app_label, db_table = "notes", "odd Table"

        class Animal(Stamped):
            key = models.CharField(max_length=20, primary_key=True, db_column="Key Column")
            name = models.CharField(max_length=50, db_column="select")
            legs = models.IntegerField(default=4)
            data = models.JSONField(default=dict)
            group = models.ForeignKey(Group, models.SET_NULL, null=True, to_field="code", related_name="animals")
            parent = models.ForeignKey("self", models.SET_NULL, null=True)

            class Meta:
                app_label, db_table = "notes", "Animal table"

        class Pet(Animal):
            owner = models.CharField(max_length=10, default="")

            class Meta:
                app_label = "notes"

        class Wild(Animal):
            class Meta:
                app_label, proxy = "notes", True

        made += [Group, Animal, Pet]
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        fields = {"fields": ["name", "legs", "data", "group", "parent"]}
        cachedemo.register(Animal)(type("AnimalCache", (cachedemo.ModelCache,), fields))
        group = Group.objects.create(code="g1")
        Animal.objects.bulk_create(Animal(key=key, name=key.upper(), group=group) for key in ("a", "b"))
        Pet.objects.create(key="p", name="P", owner="o", group=group)
        zoo = Zoo(Group, Animal, Pet, Wild)
        zoo.cache.warm(ROWS)
        yield zoo


def test_writes_of_a_child_reach_the_row_of_its_registered_parent(zoo: Zoo) -> None:
    zoo.cache.via("write-behind").update("p", legs=3)
    assert zoo.pet.objects.filter(owner="o").update(name="P2", owner="x") == 1
    assert zoo.shown()["p"][:2] == ("P2", 3)
    zoo.cache.via("write-behind").update("p", name="waiting")
    pet = zoo.pet.objects.get(key="p")
    pet.legs, pet.owner = 7, "y"
    pet.save()
    assert zoo.shown()["p"][:2] == ("waiting", 7)
    pet.name = "z"
    zoo.pet.objects.bulk_update([pet], ["name", "owner"])
    zoo.pet.objects.filter(legs=7).update(legs=F("legs") + 1)
    assert zoo.shown()["p"][:2] == ("z", 8)
    zoo.pet.objects.all().delete()
    assert set(zoo.shown()) == {"a", "b"}


def test_writes_of_a_proxy_reach_the_rows_of_its_model(zoo: Zoo) -> None:
    assert zoo.wild.objects.filter(name="A").update(name="W") == 1
    zoo.wild.objects.bulk_create([zoo.wild(key="w", name="new")])
    assert (zoo.shown()["a"][0], zoo.cache.get("w").name) == ("W", "new")
    zoo.wild.objects.filter(key="w").delete()
    with pytest.raises(zoo.animal.DoesNotExist):
        zoo.cache.get("w")


def test_references_to_another_field_and_to_oneself_are_changed_along(zoo: Zoo) -> None:
    zoo.cache.via("write-behind").update("a", name="waiting")
    zoo.group.objects.all().delete()
    assert zoo.shown()["a"] == ("waiting", 4, {}, None, None)
    zoo.animal.objects.filter(key="a").update(parent="b")
    assert zoo.shown()["a"][4] == "b"
    zoo.animal.objects.get(key="b").delete()
    assert zoo.shown()["a"][4] is None
    assert "b" not in zoo.shown()


def test_a_queryset_of_any_make_is_updated_as_django_does(zoo: Zoo) -> None:
    animals, groups = zoo.animal.objects, zoo.group.objects
    zoo.cache.via("write-behind").update("a", data={"x": [1]})
    assert animals.values("name").update(legs=5) == 3
    assert animals.only("name").select_related("group").update(legs=6) == 3
    assert animals.annotate(pets=Count("pet")).filter(pets=0).update(legs=7) == 2
    assert animals.filter(Q(group__code="g1") | Q(parent__name="none")).distinct().update(legs=8) == 3
    animals.update(name=Subquery(groups.filter(code=OuterRef("group_id")).values("code")[:1]))
    assert zoo.shown()["a"][:3] == ("g1", 8, {"x": [1]})
    animals.filter(key="b").update(data={"y": 2}, legs=F("legs") * 2)
    assert zoo.shown()["b"][:3] == ("g1", 16, {"y": 2})
    assert groups.get().animals.update(legs=1) == 3
    assert animals.order_by("name").reverse().update(legs=3) == 3
    assert animals.filter(pk__in=animals.filter(name="g1")).update(legs=9) == 3
    assert zoo.shown()["a"][1] == 9


def test_an_update_that_is_rolled_back_in_a_savepoint_takes_back_only_itself(zoo: Zoo) -> None:
    with transaction.atomic():
        zoo.animal.objects.update(legs=10)
        with transaction.atomic():
            zoo.animal.objects.update(legs=11)
            transaction.set_rollback(True)
        assert zoo.cache.get("a").legs == 10
    assert zoo.shown()["a"][1] == 10
