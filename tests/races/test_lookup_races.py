"""Every mutant of the model of lookups (tests/lookup_model.py), forced on the real code: who goes how far.

Row 1 has the value x at the beginning, and its hint is in the cache. Rows 2 and 3 have others.
"""

from typing import Any

import pytest
from django.db import transaction

from cachedemo import cache_for
from cachedemo.protocol import versions
from users.models import User

X, Y, Z = "alice@example.com", "y@example.com", "bob@example.com"
OWED = "{flush:users}:owed"


def hint() -> str:
    """Return the key of the hint, which on a cluster has its own form."""
    return cache_for(User).table.hints["email"].key(X)


@pytest.fixture
def users(people: Any, users: Any) -> Any:
    users.announce()
    users.warm([1, 2, 3])
    assert users.get_by(email=X).pk == 1
    return users


@pytest.fixture
def gives_up(actor: Any, users: Any) -> Any:
    """A writer that takes x away from row 1."""
    return lambda: actor(lambda: users.via("write-through").update(1, email=Y))


@pytest.fixture
def takes(actor: Any, users: Any) -> Any:
    return lambda: actor(lambda: users.via("write-through").update(2, email=X))


@pytest.fixture
def look(actor: Any, users: Any) -> Any:
    return lambda: actor(lambda: users.get_by(email=X).pk)


def test_who_takes_a_value_empties_its_hint_though_the_row_that_had_it_shows_it_still(
    users: Any, gives_up: Any, takes: Any
) -> None:
    gives_up().step("commit").kill()
    takes().finish()
    assert users.get(1).email == X, "its own write was not acknowledged"
    assert users.get_by(email=X).pk == users.get_many_by("email", [X])[X].pk == 2


def test_a_hint_that_was_found_before_the_value_changed_hands_is_not_filled_after_it(
    users: Any, gives_up: Any, takes: Any, look: Any, redis_cache: Any
) -> None:
    redis_cache.delete(hint())
    reader = look().step("row_by_value")
    gives_up().step("commit").kill()
    takes().finish()
    reader.finish()
    assert users.get_by(email=X).pk == 2


def test_many_hints_are_filled_under_a_lease_too(
    users: Any, actor: Any, gives_up: Any, takes: Any, redis_cache: Any
) -> None:
    redis_cache.delete(hint())
    reader = actor(lambda: users.get_many_by("email", [X])).step("row_by_value")
    gives_up().step("commit").kill()
    takes().finish()
    reader.finish()
    assert users.get_by(email=X).pk == 2


def test_a_hint_alone_decides_nothing(users: Any, gives_up: Any, redis_cache: Any) -> None:
    gives_up().finish()
    assert redis_cache.get(hint()) == b"K1"
    with pytest.raises(User.DoesNotExist):
        users.get_by(email=X)
    assert users.get_many_by("email", [X]) == {}


def test_a_value_that_somebody_always_has_is_always_found(users: Any, actor: Any, look: Any, redis_cache: Any) -> None:
    def swap() -> None:
        with transaction.atomic():
            one, two = User.objects.select_for_update().filter(pk__in=(1, 2)).order_by("pk")
            one.email = Y
            one.save()
            two.email, one.email = X, Z
            two.save()
            one.save()

    redis_cache.delete(hint())
    swapper = actor(swap).step("commit").step("commit").step("commit")
    swapper.until("finish")
    assert users.get(2).email == Z, "its slot is as it was, until the finish"
    assert look().finish() == 2
    assert users.get_many_by("email", [X])[X].pk == 2
    swapper.finish()
    assert look().finish() == 2


def test_a_hint_is_emptied_after_the_commit(users: Any, gives_up: Any, takes: Any, look: Any) -> None:
    taker = takes().until("commit")
    assert look().finish() == 1  # may fill the hint, if it is empty by now
    gives_up().step("commit").kill()
    taker.finish()
    assert users.get_by(email=X).pk == 2


def test_what_is_owed_is_a_hint_too(
    users: Any, gives_up: Any, takes: Any, redis_cache: Any, redis_queue: Any, monkeypatch: Any
) -> None:
    gives_up().step("commit").kill()
    takes().step("commit").kill()
    for member in redis_queue.zrange(OWED, 0, -1):
        redis_queue.zadd(OWED, {member: 0 if member.startswith(b"2:") else 9e15})
    users.flush()
    assert users.get_by(email=X).pk == 2


def test_a_dead_taker_s_hint_is_emptied_with_all_that_is_owed(
    users: Any, gives_up: Any, takes: Any, redis_queue: Any
) -> None:
    gives_up().step("commit").kill()
    takes().step("commit").kill()
    redis_queue.delete(OWED)
    redis_queue.zadd(OWED, {":all": 0})
    users.flush()
    assert users.get_by(email=X).pk == 2


# a release that knows no lookups


@pytest.fixture
def older(users: Any) -> Any:
    from cachedemo import ModelCache

    class Older(ModelCache):
        name, queue, fields, version = "user", "flush:users", ["name", "email"], 1

    return Older(User)


def test_a_release_that_knows_no_lookups_empties_all_hints_as_it_begins(users: Any, older: Any, gives_up: Any) -> None:
    gives_up().step("commit").kill()
    older.update(2, email=X)
    assert users.get_by(email=X).pk == 2


def test_no_hint_is_filled_beside_a_release_that_knows_no_lookups(
    users: Any, older: Any, gives_up: Any, look: Any, redis_cache: Any
) -> None:
    redis_cache.delete(hint())
    older.announce()
    reader = look().step("row_by_value")
    gives_up().step("commit").kill()
    older.update(2, email=X)
    reader.finish()
    assert users.get_by(email=X).pk == 2


def test_a_lease_is_there_before_the_releases_are_looked_at(
    users: Any, older: Any, gives_up: Any, look: Any, redis_cache: Any
) -> None:
    redis_cache.delete(hint())
    reader = look().step("pending")
    older.announce()
    reader.step("row_by_value")
    gives_up().step("commit").kill()
    older.update(2, email=X)
    reader.finish()
    assert users.get_by(email=X).pk == 2


def test_other_lookups_under_one_number_are_refused(users: Any) -> None:
    from cachedemo import ModelCache
    from cachedemo.exceptions import VersionConflict

    class Same(ModelCache):
        name, queue, version = "user", "flush:users", 2
        fields = ["name", "email", "visits"]

    with pytest.raises(VersionConflict, match="with the lookups email, but this process has none: raise `version`"):
        Same(User).announce()
    assert versions.conflict(Same(User).table)
    assert not versions.conflict(users.table)
