"""The three writes, one at a time: what the database, the slot and the queue hold afterwards."""

import json

import pytest
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import BaseConstraint, CheckConstraint, Q, UniqueConstraint
from django.test.utils import isolate_apps

from cachedemo import Pattern, cache_for
from cachedemo.exceptions import InsideTransaction, SourceUnavailable
from cachedemo.protocol.codec import Codec
from cachedemo.registry import find_cache
from cachedemo.servers.roles import CACHE
from tests.notes.models import Note
from users.models import User

pytestmark = pytest.mark.usefixtures("people")

PATTERNS = list(Pattern)


def row(pk=1):
    return User.objects.get(pk=pk)


def test_the_first_read_loads_and_the_second_is_a_hit(users):
    assert users.read(1).origin == "source"
    entry = users.read(1)
    assert entry.origin == "cache"
    assert json.loads(entry.body) == {"id": 1, "name": "Alice Singh", "email": "alice@example.com", "visits": 0}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_update_is_what_the_next_read_returns(users, pattern):
    users.get(1)
    written = users.via(pattern).update(1, name="Al")
    assert written.name == "Al"
    assert users.get(1).name == "Al"
    assert users.get(1).cache_stamp == written.cache_stamp
    assert users.get(1).email == "alice@example.com"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_update_of_a_cold_row_is_what_the_next_read_returns(users, pattern):
    users.via(pattern).update(1, name="Al")
    assert users.get(1).name == "Al"


def test_cache_aside_empties_the_slot(users, redis_cache):
    users.get(1)
    users.via("cache-aside").update(1, name="Al")
    assert redis_cache.get(users.table.slots.key(1)) is None
    assert row().name == "Al"


def test_write_through_replaces_the_slot(users, redis_cache):
    users.get(1)
    users.via("write-through").update(1, name="Al")
    stamp = row().cache_stamp
    server = CACHE.identity_of(key := users.table.slots.key(1))
    assert redis_cache.get(key) == (
        b'V%d%b{"id": 1, "name": "Al", "email": "alice@example.com", "visits": 0}' % (stamp, server)
    )
    assert row().name == "Al"


def test_write_behind_leaves_the_source_to_the_flush(users, redis_cache, redis_queue):
    users.get(1)
    users.via("write-behind").update(1, name="Al")
    assert row().name == "Alice Singh"
    assert redis_queue.lrange("flush:users", 0, -1) == [b"1"]
    assert redis_cache.get(users.table.slots.key(1)).endswith(
        b'"name": "Al", "email": "alice@example.com", "visits": 0}'
    )
    assert users.drain(timeout=5) == 1
    assert row().name == "Al"
    assert (
        redis_queue.exists("{flush:users}:pending", "{flush:users}:row:1", "{flush:users}:claimed", "flush:users") == 0
    )
    assert users.read(1).origin == "cache"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_update_of_nobody_says_so(users, pattern, redis_queue):
    with pytest.raises(User.DoesNotExist):
        users.via(pattern).update(99, name="Al")
    with pytest.raises(User.DoesNotExist):
        users.get(99)
    assert redis_queue.zcard("{flush:users}:owed") == 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_created_row_is_there_at_once(users, pattern):
    made = users.via(pattern).create(name="Dan", email="dan@example.com")
    assert row(made.pk).email == "dan@example.com"
    assert users.get(made.pk).name == "Dan"
    assert row(made.pk).cache_stamp == made.cache_stamp > 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_new_row_names_another_by_an_instance_or_by_its_key(users, pattern):
    notes = cache_for(Note).via(pattern)
    for owner in ({"owner": 1}, {"owner": "1"}, {"owner_id": 1}, {"owner": row()}):
        made = notes.create(title="a", body="b", **owner)
        assert made.owner_id == Note.objects.get(pk=made.pk).owner_id == 1
    assert notes.create(title="a", body="b", owner=None).owner_id is None
    for wrong in (99, "x"):
        with pytest.raises(ValidationError) as error:
            notes.create(title="a", body="b", owner=wrong)
        assert list(error.value.message_dict) == ["owner"]
    assert [made.owner_id for made in notes.create_many([{"title": "a", "body": "b", "owner": 1}])] == [1]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_deleted_row_is_gone(users, pattern, redis_queue):
    users.get(1)
    users.via("write-behind").update(1, name="Al")
    users.via(pattern).delete(1)
    with pytest.raises(User.DoesNotExist):
        users.get(1)
    assert not User.objects.filter(pk=1).exists()
    assert redis_queue.exists("{flush:users}:pending", "{flush:users}:owed", "{flush:users}:row:1") == 0
    assert redis_queue.llen("flush:users") == 0
    with pytest.raises(User.DoesNotExist):
        users.via(pattern).delete(1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_duplicate_email_is_refused_and_nothing_changes(users, pattern, redis_cache, redis_queue):
    users.get(1)
    slot = redis_cache.get(users.table.slots.key(1))
    with pytest.raises(IntegrityError):
        users.via(pattern).update(1, name="Al", email="bob@example.com")
    assert redis_cache.get(users.table.slots.key(1)) == slot
    assert row().name == "Alice Singh"
    assert redis_queue.exists("{flush:users}:pending", "{flush:users}:owed", "flush:users") == 0


def test_write_behind_of_a_changed_unique_field_goes_write_through_and_says_so(users):
    written = users.via("write-behind").write(1, {"email": "al@example.com"})
    assert written.pattern == "write-through"
    assert written.reason == "unique field"
    assert row().email == "al@example.com"


def test_write_behind_of_an_unchanged_unique_field_stays_write_behind(users):
    written = users.via("write-behind").write(1, {"name": "Al", "email": "alice@example.com"})
    assert written.pattern == "write-behind"
    assert row().name == "Alice Singh"


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "x" * 101}, ValidationError),
        ({"name": None}, ValidationError),
        ({"name": "a\x00b"}, ValidationError),
        ({"name": "a\ud800b"}, ValidationError),
        ({"email": "nobody"}, ValidationError),
        ({"age": 3}, FieldError),
        ({}, FieldError),
    ],
)
def test_a_bad_value_is_refused_and_nothing_changes(users, pattern, fields, error, redis_queue):
    with pytest.raises(error):
        users.via(pattern).update(1, **fields)
    assert row().name == "Alice Singh"
    assert redis_queue.exists("{flush:users}:pending", "{flush:users}:owed", "flush:users") == 0


def test_get_many_mixes_hits_misses_and_missing(users):
    users.get(1)
    users.via("write-behind").update(2, name="Bo")
    found = users.get_many([1, 2, 3, 99])
    assert {pk: user.name for pk, user in found.items()} == {1: "Alice Singh", 2: "Bo", 3: "Carol Lee"}
    assert all(entry.origin == "cache" for entry in users.read_many([1, 2, 3]).values())
    assert users.get_many([]) == {}
    assert users.get_many([99]) == {}


def test_a_field_that_is_not_cached_is_deferred(users):
    assert users.get(1).get_deferred_fields() == set()


def test_if_match_decides_in_the_same_step(users):
    for pattern in PATTERNS:
        seen = users.etag(users.read(1))
        users.via(pattern).write(1, {"name": f"A {pattern}"}, if_match=seen)
        from cachedemo.exceptions import PreconditionFailed

        with pytest.raises(PreconditionFailed):
            users.via(pattern).write(1, {"name": "B"}, if_match=seen)
        with pytest.raises(PreconditionFailed):
            users.via(pattern).delete(1, if_match=seen)
        assert users.get(1).name == f"A {pattern}"
    users.via("write-behind").update(1, name="waiting")
    seen = users.etag(users.read(1))
    users.via("write-behind").update(1, name="newer")
    with pytest.raises(PreconditionFailed):
        users.via("cache-aside").write(1, {"name": "B"}, if_match=seen)
    assert users.get(1).name == "newer"


def test_an_invalid_create_names_the_field(users):
    with pytest.raises(ValidationError) as refused:
        users.create(name="a\x00b", email="x@example.com")
    assert refused.value.message_dict.keys() == {"name"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "constraint",
    [
        UniqueConstraint(fields=["title"], condition=Q(size=1), name="conditional"),
        BaseConstraint(name="of_any_other_kind"),  # PostgreSQL's exclusions, for example
    ],
    ids=lambda constraint: constraint.name,
)
def test_write_behind_leaves_what_a_constraint_compares_with_other_rows_to_the_database(monkeypatch, constraint):
    notes = cache_for(Note)
    monkeypatch.setattr(Note._meta, "constraints", [constraint])
    fresh = type(notes)(Note)
    assert fresh.table.unique_fields == {"title", "body", "size"}


@pytest.mark.django_db
def test_a_constraint_that_looks_at_its_own_row_keeps_nothing_from_the_queue(monkeypatch):
    monkeypatch.setattr(Note._meta, "constraints", [CheckConstraint(name="small", condition=Q(size__lt=9))])
    assert type(cache_for(Note))(Note).table.unique_fields == set()


@isolate_apps("tests.notes")
def test_a_child_of_a_registered_table_takes_the_same_steps(users):
    class Member(User):
        class Meta:
            app_label = "notes"

    assert find_cache(Member) is users
    with pytest.raises(FieldDoesNotExist, match="in the table of its parent"):
        Codec(Member, ["name"])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_inside_a_transaction_a_write_is_refused_in_words_and_nothing_changes(users, pattern, redis_queue):
    users.read(1)
    writer = users.via(pattern)
    for write in (lambda: writer.update(1, name="Al"), lambda: writer.create(name="Di"), lambda: writer.delete(1)):
        with pytest.raises(InsideTransaction, match=r"call it after the commit"), transaction.atomic():
            write()
    assert users.read(1).origin == "cache"
    assert redis_queue.exists("{flush:users}:pending", "{flush:users}:owed") == 0
    assert [user.name for user in User.objects.order_by("pk")] == ["Alice Singh", "Bob Pereira", "Carol Lee"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_the_database_a_relation_that_must_be_looked_up_is_an_outage(pattern, database_gone):
    with pytest.raises(SourceUnavailable):
        cache_for(Note).via(pattern).create(title="a", owner_id=1)


@pytest.mark.parametrize("pk", [None, float("inf"), "x", "1\0"])
def test_what_is_no_primary_key_is_refused(users, pk):
    with pytest.raises(ValidationError):
        users.get(pk)


def test_a_pattern_that_is_none_is_told_which_there_are(users):
    with pytest.raises(ValueError, match="cache-aside, write-through, write-behind"):
        users.via("writebehind")
