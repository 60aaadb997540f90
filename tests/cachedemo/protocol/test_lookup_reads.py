"""Reads by a unique field: the hint says where to look, and the row's own slot decides."""

import json
import threading
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, connections, transaction

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.protocol import rows_by_value
from cachedemo.servers import roles
from tests.helpers import past_cachedemo, this_thread, until
from users.models import User

BOB = "bob@example.com"
HINT = f"v2:user/email:{BOB}"


@pytest.fixture
def users(people: Any) -> Any:
    users = cache_for(User)
    users.announce()
    return users


@pytest.fixture
def trips(monkeypatch: Any) -> list[str]:
    """Each round trip to a server, and each statement of the database, of this thread."""
    taken: list[str] = []
    mine, run = this_thread(), roles.Role._run

    def counted(role: Any, *arguments: Any, **options: Any) -> Any:
        if mine():
            taken.append(role.name)
        return run(role, *arguments, **options)

    def executed(execute: Any, *arguments: Any) -> Any:
        taken.append("database")
        return execute(*arguments)

    monkeypatch.setattr(roles.Role, "_run", counted)
    with connection.execute_wrapper(executed):
        yield taken


def test_a_hit_takes_two_trips_and_never_the_queue_or_the_database(users: Any, trips: list[str]) -> None:
    users.get_by(email=BOB)
    trips.clear()
    assert users.get_by(email=BOB).pk == 2
    assert trips == ["cache", "cache"]
    trips.clear()
    assert json.loads(users.read_by(email=BOB).body)["id"] == 2
    assert trips == ["cache", "cache"]


def test_a_miss_asks_the_queue_once_and_the_database_by_value_once(users: Any, trips: list[str]) -> None:
    users.get(2)
    trips.clear()
    assert users.get_by(email=BOB).pk == 2
    assert trips == ["cache", "cache", "queue", "database", "cache", "cache"]


def test_a_row_is_found_by_what_it_has_now_and_not_by_what_it_had(users: Any, redis_cache: Any) -> None:
    assert users.get_by(email=BOB).pk == 2
    users.update(2, email="robert@example.com")
    assert redis_cache.get(HINT) == b"K2", "who gives a value up need not empty its hint"
    with pytest.raises(User.DoesNotExist, match=r"^No User has this email\.$"):
        users.get_by(email=BOB)
    assert users.get_by(email="robert@example.com").pk == 2
    assert not redis_cache.exists(HINT), "a hint that is wrong is emptied by who finds it so"


def test_that_there_is_no_such_row_is_never_remembered(users: Any, redis_cache: Any) -> None:
    for _ in range(2):
        with pytest.raises(User.DoesNotExist):
            users.get_by(email="nobody@example.com")
    assert list(redis_cache.scan_iter("v2:user/*")) == []
    past_cachedemo(User).filter(pk=3).update(email="nobody@example.com")
    users.evict([3])
    assert users.get_by(email="nobody@example.com").pk == 3


def test_a_deleted_row_is_not_found(users: Any) -> None:
    users.get_by(email=BOB)
    users.delete(2)
    with pytest.raises(User.DoesNotExist):
        users.get_by(email=BOB)
    created = users.create(name="Bob again", email=BOB)
    assert users.get_by(email=BOB).pk == created.pk


@pytest.mark.parametrize("hint", [b"K3", b"K999", b"Knobody", b"K", b"rubbish", b"V0", b"K\xff"])
def test_a_wrong_hint_costs_a_question_and_is_put_right(users: Any, redis_cache: Any, hint: bytes) -> None:
    redis_cache.set(HINT, hint, px=60_000)
    assert users.get_by(email=BOB).pk == 2
    assert users.get_by(email=BOB).pk == 2
    assert redis_cache.get(HINT) == b"K2"


def test_a_key_of_another_type_is_thrown_out_and_the_log_shows_no_value(
    users: Any, redis_cache: Any, caplog: Any
) -> None:
    redis_cache.lpush(HINT, "a")
    redis_cache.expire(HINT, 60)
    assert users.get_by(email=BOB).pk == 2
    assert redis_cache.get(HINT) == b"K2"
    assert "v2:user/email:… held something" in caplog.text
    assert BOB not in caplog.text


def test_what_waits_for_the_row_is_shown(users: Any) -> None:
    users.get_by(email=BOB)
    users.via("write-behind").update(2, name="waiting")
    assert users.get_by(email=BOB).name == "waiting"
    users.evict([2])
    assert users.get_by(email=BOB).name == "waiting"
    assert users.get_many_by("email", [BOB])[BOB].name == "waiting"


def test_a_hint_lives_as_long_as_a_row(users: Any, redis_cache: Any) -> None:
    users.get_by(email=BOB)
    assert 54_000 <= redis_cache.pttl(HINT) <= 66_000


def test_a_stampede_on_one_value_asks_the_database_once(users: Any, monkeypatch: Any) -> None:
    asked, barrier, found = [], threading.Barrier(20), []
    named = rows_by_value.named

    def slowly(*arguments: Any) -> Any:
        asked.append(1)
        until(lambda: barrier.n_waiting == 0)
        return named(*arguments)

    monkeypatch.setattr(rows_by_value, "named", slowly)

    def read() -> None:
        barrier.wait()
        found.append(users.get_by(email=BOB).pk)
        connections.close_all()

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 20
    assert len(asked) == 1


def test_a_lease_whose_holder_has_died_is_taken_away(users: Any, redis_cache: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(users.table.options, "lease_timeout", 0.05)
    redis_cache.set(HINT, "L0123456789abcdef", px=60_000)
    assert users.get_by(email=BOB).pk == 2
    assert not redis_cache.exists(HINT)


def test_a_reader_that_fails_gives_its_lease_back(users: Any, redis_cache: Any, monkeypatch: Any) -> None:
    def fails(*arguments: Any) -> Any:
        raise QueueUnavailable("no")

    monkeypatch.setattr(rows_by_value, "named", fails)
    with pytest.raises(QueueUnavailable):
        users.get_by(email=BOB)
    with pytest.raises(QueueUnavailable):
        users.get_many_by("email", [BOB])
    assert not redis_cache.exists(HINT)


# transactions


def test_a_transaction_finds_what_it_has_written_and_remembers_nothing(users: Any, redis_cache: Any) -> None:
    users.get_by(email=BOB)
    with transaction.atomic():
        User.objects.filter(pk=2).update(email="given-up@example.com")
        User.objects.filter(pk=3).update(email=BOB)
        assert users.get_by(email=BOB).pk == 3
        assert users.get_many_by("email", [BOB])[BOB].pk == 3
        assert users.get_by(email="given-up@example.com").pk == 2
        assert not redis_cache.exists("v2:user/email:given-up@example.com")
        transaction.set_rollback(True)
    assert users.get_by(email=BOB).pk == 2


def test_a_transaction_that_has_written_nothing_uses_hints_and_fills_none(
    users: Any, redis_cache: Any, trips: list[str]
) -> None:
    users.get_by(email=BOB)
    with transaction.atomic():
        trips.clear()
        assert users.get_by(email=BOB).pk == 2
        assert trips == ["cache", "cache"]
        assert users.get_by(email="carol@example.com").pk == 3
    assert not redis_cache.exists("v2:user/email:carol@example.com")


# servers that do not answer


def test_without_the_cache_the_database_is_asked(users: Any, cache_server: Any) -> None:
    users.get_by(email=BOB)
    cache_server.kill()
    try:
        assert users.get_by(email=BOB).pk == 2
        assert users.get_many_by("email", [BOB, "nobody@example.com"]).keys() == {BOB}
        with pytest.raises(User.DoesNotExist):
            users.get_by(email="nobody@example.com")
    finally:
        cache_server.start()


def test_without_the_queue_a_hit_is_served_and_nothing_is_remembered(
    users: Any, queue_server: Any, redis_cache: Any
) -> None:
    users.get_by(email=BOB)
    users.get(3)
    queue_server.kill()
    try:
        assert users.get_by(email=BOB).pk == 2
        assert users.get_by(email="carol@example.com").pk == 3, "its row is in the cache"
        assert not redis_cache.exists("v2:user/email:carol@example.com")
        with pytest.raises(QueueUnavailable):
            users.get_by(email="alice@example.com")
    finally:
        queue_server.start()


def test_switched_off_the_database_is_asked(users: Any, settings: Any, trips: list[str]) -> None:
    users.get_by(email=BOB)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False}
    trips.clear()
    assert users.get_by(email=BOB).pk == 2
    assert users.get_many_by("email", [BOB])[BOB].pk == 2
    assert set(trips) == {"database"}


# versions


def test_nothing_is_remembered_beside_a_release_that_knows_no_lookups(users: Any, redis_cache: Any) -> None:
    record = {"state": "live", "since": 0, "fields": ["email", "name", "visits"]}
    users.table.queue.announce("1", json.dumps(record).encode())
    assert users.get_by(email=BOB).pk == users.get_many_by("email", [BOB])[BOB].pk == 2
    assert not redis_cache.exists(HINT)


def test_nothing_is_remembered_in_a_version_that_is_being_deleted(
    users: Any, redis_cache: Any, redis_queue: Any
) -> None:
    record = json.loads(redis_queue.hget("{flush:users}:versions", "2"))
    redis_queue.hset("{flush:users}:versions", "2", json.dumps({**record, "state": "retiring"}))
    assert users.get_by(email=BOB).pk == users.get_many_by("email", [BOB])[BOB].pk == 2
    assert not redis_cache.exists(HINT)


# what is asked


def test_none_is_never_looked_up_and_what_no_column_can_hold_is_not_found(users: Any) -> None:
    with pytest.raises(ValidationError, match="None is no value to look up"):
        users.get_by(email=None)
    with pytest.raises(ValidationError, match="None is no value to look up"):
        users.get_many_by("email", [None])
    for unknown in ("a\x00b", "Bob@Example.com"):
        assert users.get_many_by("email", [unknown]) == {}
        with pytest.raises(User.DoesNotExist):
            users.get_by(email=unknown)


@pytest.mark.parametrize("named", [{}, {"email": BOB, "name": "Bob"}, {"name": "Bob"}, {"pk": 2}])
def test_a_lookup_names_one_field_that_rows_are_looked_up_by(users: Any, named: Any) -> None:
    with pytest.raises(FieldError):
        users.get_by(**named)


def test_a_field_that_rows_are_not_looked_up_by_is_named_with_the_fix(users: Any) -> None:
    with pytest.raises(FieldError, match=r"users\.User is not looked up by 'name' but by email: add it to"):
        users.get_many_by("name", ["Bob"])
