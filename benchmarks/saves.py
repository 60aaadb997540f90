"""`save()`, loads and `update()` of a registered model, against a plain model of the same table.

What is registered keeps what each instance was loaded with, takes a stamp and empties a slot. A save that changes
nothing cached asks no server. The queue is on `appendfsync always`, so a changed save waits for its disk too.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

LOADED = 1_000  # rows in one go


def measure(bench: Bench) -> Iterator[Result]:
    from users.models import User

    bench.start_empty()
    plain = plain_model(User)
    yield from _saves(bench, User, plain)
    yield from _loads(bench, User, plain)
    yield from _updates(bench, User, plain)


def _saves(bench: Bench, user: Any, plain: Any) -> Iterator[Result]:
    names = (f"name {number}" for number in itertools.count())
    ours, theirs = user.objects.get(pk=1), plain.objects.get(pk=1)

    def changed(row: Any) -> None:
        row.name = next(names)
        row.save()

    registered, unchanged, django = seconds_a_call(
        bench.track("save()", range(bench.times(300, 50))),
        1,
        lambda: changed(ours),
        lambda: ours.save(),
        lambda: changed(theirs),
    )
    yield Result("save() of a changed row", registered * 1e6, "the same of a plain model", django * 1e6, "µs")
    yield Result("save() of an unchanged row", unchanged * 1e6, "the same of a plain model", django * 1e6, "µs")


def _loads(bench: Bench, user: Any, plain: Any) -> Iterator[Result]:
    registered, django = seconds_a_call(
        bench.track("ORM loads of 1,000 rows", range(bench.times(60, 10))),
        1,
        lambda: list(user.objects.all()[:LOADED]),
        lambda: list(plain.objects.all()[:LOADED]),
    )
    yield Result("ORM loads of 1,000 rows", registered * 1e3, "of a plain model", django * 1e3, "ms")


def _updates(bench: Bench, user: Any, plain: Any) -> Iterator[Result]:
    numbers = itertools.count()

    def changed(model: Any) -> None:
        model.objects.filter(pk__lte=LOADED).update(name=f"name {next(numbers)}")

    registered, django = seconds_a_call(
        bench.track("QuerySet.update() of 1,000 rows", range(bench.times(60, 10))),
        1,
        lambda: changed(user),
        lambda: changed(plain),
    )
    yield Result("QuerySet.update() of 1,000 rows", registered * 1e3, "of a plain model", django * 1e3, "ms")


def plain_model(user: Any) -> Any:
    """Return a model that nobody registered, of the table that `user` has."""
    from django.db import models

    class PlainUser(models.Model):
        name = models.CharField(max_length=100)
        email = models.EmailField(unique=True)
        cache_stamp = models.BigIntegerField(default=0)

        class Meta:
            app_label = "users"
            managed = False
            db_table = user._meta.db_table

        def __str__(self) -> str:
            return str(self.name)

    return PlainUser
