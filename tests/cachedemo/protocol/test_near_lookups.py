"""Lookups where a process keeps copies: the hint is asked for, and a copy that has the value answers for the row."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction

from cachedemo.protocol.near_copies import COPIES
from tests import near_notes
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo
from tests.near_notes import copied
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

X, BOB, NEW = "alice@example.com", "bob@example.com", "new@example.com"


@pytest.fixture
def users(people: Any) -> Iterator[Any]:
    """The cache of users who are copied, and whose hints are there."""
    with near_notes.registered(model=User) as users:
        copied(users, 1, 2)
        users.get_many_by("email", [X, BOB])
        yield users


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is heard of changes, so that a copy stays as it is unless this process changes the row itself."""
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)


def commands(redis_cache: redis.Redis, call: Callable[[], Any]) -> int:
    """Return how many reads the cache was sent meanwhile."""

    def sent() -> int:
        said = redis_cache.info("commandstats")
        return sum(said.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("get", "mget"))

    before = sent()
    call()
    return sent() - before


WAYS: dict[str, Callable[[Any], Any]] = {
    "get_by": lambda users: users.get_by(email=X).pk,
    "read_by": lambda users: b'"id": 1' in users.read_by(email=X).body,
    "get_many_by": lambda users: sorted(user.pk for user in users.get_many_by("email", [X, BOB]).values()),
    "aget_by": lambda users: async_to_sync(users.aget_by)(email=X).pk,
    "aread_by": lambda users: b'"id": 1' in async_to_sync(users.aread_by)(email=X).body,
    "aget_many_by": lambda users: sorted(u.pk for u in async_to_sync(users.aget_many_by)("email", [X, BOB]).values()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_hit_takes_one_trip(users: Any, redis_cache: redis.Redis, way: str) -> None:
    copied(users, 1, 2)
    assert commands(redis_cache, lambda: WAYS[way](users)) == 1
    assert WAYS[way](users) in (1, True, [1, 2])


def test_what_a_lookup_finds_is_copied(users: Any, redis_cache: redis.Redis) -> None:
    async def in_a_loop() -> None:
        await asyncio.gather(users.aget_by(email=X), users.aget_by(email=BOB))

    for call in (lambda: users.get_by(email=X), lambda: users.get_many_by("email", [X]), async_to_sync(in_a_loop)):
        COPIES.forget_all()
        near_notes.until(lambda call=call: call() or users.table.near.current(users.table.places, 1))


@pytest.mark.parametrize("way", WAYS)
def test_what_asks_for_nothing_behind_is_given_no_copy(users: Any, redis_cache: redis.Redis, way: str) -> None:
    copied(users, 1, 2)
    fresh = {"get_by": users.get_by, "read_by": users.read_by, "aget_by": async_to_sync(users.aget_by)}
    fresh["aread_by"] = async_to_sync(users.aread_by)
    many = {"get_many_by": users.get_many_by, "aget_many_by": async_to_sync(users.aget_many_by)}
    ask = (lambda: many[way]("email", [X], fresh=True)) if way in many else (lambda: fresh[way](email=X, fresh=True))
    assert commands(redis_cache, ask) == 2


@pytest.mark.parametrize("way", ["get_by", "aget_by", "get_many_by", "aget_many_by"])
def test_a_copy_of_before_the_row_took_the_value_does_not_hide_it(
    users: Any, redis_cache: redis.Redis, deaf: None, way: str
) -> None:
    """Others have written it: here is a hint that is right, and a copy that is behind."""
    slot = users.table.slots.key(2)
    redis_cache.set(slot, redis_cache.get(slot).replace(BOB.encode(), NEW.encode()), px=60_000)  # type: ignore[union-attr]
    redis_cache.set(users.table.hints["email"].key(NEW), b"K2", px=60_000)
    found = {
        "get_by": lambda: users.get_by(email=NEW),
        "aget_by": lambda: async_to_sync(users.aget_by)(email=NEW),
        "get_many_by": lambda: users.get_many_by("email", [NEW])[NEW],
        "aget_many_by": lambda: async_to_sync(users.aget_many_by)("email", [NEW])[NEW],
    }[way]()
    assert (found.pk, found.email) == (2, NEW)


@pytest.mark.parametrize("way", ["get_by", "aget_by", "get_many_by", "aget_many_by"])
def test_what_this_process_gives_to_another_row_is_found_there_at_once(
    users: Any, redis_cache: redis.Redis, deaf: None, way: str
) -> None:
    """The row that had the value was written by others, and its copy shows it still."""
    assert users.get_by(email=X).pk == 1
    past_cachedemo(User).filter(pk=1).update(email=NEW)
    redis_cache.delete(users.table.slots.key(1))
    users.via("write-through").update(2, email=X)
    found = {
        "get_by": lambda: users.get_by(email=X),
        "aget_by": lambda: async_to_sync(users.aget_by)(email=X),
        "get_many_by": lambda: users.get_many_by("email", [X])[X],
        "aget_many_by": lambda: async_to_sync(users.aget_many_by)("email", [X])[X],
    }[way]()
    assert (found.pk, found.email) == (2, X)


def test_inside_a_transaction_no_copy_answers(users: Any, redis_cache: redis.Redis) -> None:
    copied(users, 1)
    with transaction.atomic():
        assert commands(redis_cache, lambda: users.get_by(email=X)) == 2


def test_a_field_that_is_called_as_the_argument_is_refused() -> None:
    refused = pytest.raises(ImproperlyConfigured, match="give the field another name")
    with refused, made({"fresh": models.CharField(max_length=9, unique=True)}, lookups=["fresh"]):
        pass
