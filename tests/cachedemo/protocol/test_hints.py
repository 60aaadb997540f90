"""Whoever gives a row a unique value empties the hint of that value before it is acknowledged."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Value
from django.db.models.functions import Concat, Lower

from cachedemo import Pattern, cache_for
from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import hints
from cachedemo.protocol.hint_slots import HintSlots
from cachedemo.servers.roles import CACHE, QUEUE
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo
from users.models import User

WANTED = "wanted@example.com"
HINT = f"v2:user/email:{WANTED}"


@pytest.fixture
def wanted(people: Any, users: Any, redis_cache: Any) -> Any:
    """Row 1 has given up a value, and its writer has died before it emptied the slot: that shows the value still."""
    past_cachedemo(User).filter(pk=1).update(email=WANTED)
    assert users.get_by(email=WANTED).pk == 1
    past_cachedemo(User).filter(pk=1).update(email="given-up@example.com")
    assert users.get(1).email == WANTED
    assert redis_cache.get(HINT) == b"K1"
    return users


def _loaded(pk: int = 2) -> User:
    return User.objects.get(pk=pk)


def _save(**named: Any) -> None:
    user = _loaded()
    user.email = WANTED
    user.save(**named)


def _save_an_expression() -> None:
    user = _loaded()
    user.email = Concat(Value("wanted"), Value("@example.com"))
    user.save()


def _update_by_an_expression() -> None:
    User.objects.filter(pk=2).update(email=Concat(Value("wanted"), Value("@example.com")))


def _bulk_update() -> None:
    User.objects.bulk_update([User(pk=2, email=WANTED)], ["email"])


def _swap() -> None:
    with transaction.atomic():
        first, second = User.objects.filter(pk__in=(2, 3)).order_by("pk")
        first.email, second.email = second.email, WANTED
        second.save()
        first.save()


def _update_conflicts() -> None:
    named: Any = {"update_conflicts": True, "update_fields": ["email"], "unique_fields": ["pk"]}
    User.objects.bulk_create([User(pk=2, name="Bob", email=WANTED)], **named)


def _in_a_migration() -> None:
    apps = MigrationLoader(connection).project_state(("users", "0001_initial")).apps
    apps.get_model("users", "User").objects.filter(pk=2).update(email=WANTED)


def _under_another_key() -> None:
    past_cachedemo(User).filter(pk=2).update(email=WANTED)
    User.objects.filter(pk=2).update(id=77)


WAYS: dict[str, Callable[[], Any]] = {
    **{f"update {pattern}": lambda p=pattern: cache_for(User).via(p).update(2, email=WANTED) for pattern in Pattern},
    **{f"create {each}": lambda p=each: cache_for(User).via(p).create(name="N", email=WANTED) for each in Pattern},
    "save": _save,
    "save by name": lambda: _save(update_fields=["email"]),
    "save of an expression": _save_an_expression,
    "save of a new row": lambda: User(name="New", email=WANTED).save(),
    "objects.create": lambda: User.objects.create(name="New", email=WANTED),
    "QuerySet.update": lambda: User.objects.filter(pk=2).update(email=WANTED),
    "QuerySet.update by an expression": _update_by_an_expression,
    "bulk_update": _bulk_update,
    "bulk_create": lambda: User.objects.bulk_create([User(name="New", email=WANTED)]),
    "bulk_create, conflicts ignored": lambda: User.objects.bulk_create(
        [User(name="New", email=WANTED)], ignore_conflicts=True
    ),
    "bulk_create, conflicts updated": _update_conflicts,
    "two rows in one transaction": _swap,
    "a migration": _in_a_migration,
    "a row under another key": _under_another_key,
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_sets_a_value_takes_it_away_from_the_row_that_still_shows_it(wanted: Any, way: str) -> None:
    WAYS[way]()
    found = wanted.get_by(email=WANTED)
    assert found.pk == User.objects.get(email=WANTED).pk != 1
    assert wanted.get_many_by("email", [WANTED])[WANTED].pk == found.pk


@pytest.mark.parametrize("way", ["update cache-aside", "save", "bulk_update", "create write-through"])
def test_the_hints_of_every_live_version_are_emptied(wanted: Any, redis_cache: Any, way: str) -> None:
    record = {"state": "live", "since": 0, "fields": ["email", "name", "visits"], "lookups": ["email"]}
    wanted.table.queue.announce("1", json.dumps(record).encode())
    redis_cache.set(f"v1:user/email:{WANTED}", "K1", px=60_000)
    WAYS[way]()
    assert not redis_cache.exists(f"v1:user/email:{WANTED}")


def test_a_write_of_other_fields_asks_for_no_hints(wanted: Any, redis_cache: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(hints, "empty", None)
    wanted.via("write-through").update(2, name="N")
    User.objects.filter(pk=2).update(name="M")
    user = _loaded()
    user.name = "L"
    user.save()
    assert redis_cache.exists(HINT)


def test_a_deletion_gives_values_up_and_asks_the_database_for_none(wanted: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(hints.database, "values_of", None)
    wanted.delete(2)
    assert not User.objects.filter(pk=2).exists()


def test_a_value_that_the_database_computes_is_taken_by_whoever_writes_what_it_is_computed_from(
    transactional_db: None,
) -> None:
    columns = {
        "name": models.CharField(max_length=20),
        "folded": models.GeneratedField(
            expression=Lower("name"), output_field=models.CharField(max_length=20), db_persist=True, unique=True
        ),
    }
    with made(columns, lookups=["folded"]) as rows:
        model = rows.model
        one, two = model.objects.create(name="Wanted"), model.objects.create(name="Other")
        assert rows.get_by(folded="wanted").pk == one.pk
        for way in (
            lambda: rows.update(two.pk, name="WANTED"),
            lambda: model.objects.filter(pk=two.pk).update(name="WANTED"),
            lambda: _saved(model, two.pk, name="WANTED"),
        ):
            past_cachedemo(model).filter(pk=two.pk).update(name="other")
            past_cachedemo(model).filter(pk=one.pk).update(name="wanted")
            rows.evict([one.pk, two.pk])
            CACHE.command("UNLINK", rows.table.hints["folded"].key("wanted"))
            assert rows.get_by(folded="wanted").pk == one.pk
            past_cachedemo(model).filter(pk=one.pk).update(name="given up")
            way()
            assert rows.get_by(folded="wanted").pk == two.pk


def _saved(model: Any, pk: int, **values: Any) -> None:
    row = model.objects.get(pk=pk)
    vars(row).update(values)
    row.save()


def test_a_value_that_a_deletion_gives_another_row_is_taken(transactional_db: None) -> None:
    with made(
        {"owner": models.OneToOneField(User, models.SET_DEFAULT, null=True, default=1)}, lookups=["owner"]
    ) as rows:
        User.objects.bulk_create([User(pk=pk, name="N", email=f"{pk}@example.com") for pk in (1, 2)])
        one, two = (rows.model.objects.create(owner_id=owner) for owner in (1, 2))
        assert rows.get_by(owner=User.objects.get(pk=1)).pk == rows.get_by(owner_id=1).pk == one.pk
        past_cachedemo(rows.model).filter(pk=one.pk).update(owner=None)
        User.objects.get(pk=2).delete()
        assert rows.get_by(owner=1).pk == two.pk


def test_what_waits_from_a_time_when_the_field_was_not_unique_takes_its_value_by_the_flush(wanted: Any) -> None:
    wanted.table.queue.enqueue(2, 0, 100, {"email": WANTED})
    wanted.flush()
    assert User.objects.get(pk=2).email == WANTED
    assert wanted.get_by(email=WANTED).pk == 2


def test_what_waits_and_is_carried_takes_its_value_by_the_write_that_carries_it(wanted: Any) -> None:
    for write in (
        lambda: wanted.via("write-through").update(2, name="N"),
        lambda: _saved(User, 2, name="M"),
        lambda: User.objects.filter(pk=2).update(name="L"),
    ):
        past_cachedemo(User).filter(pk=2).update(email="other@example.com")
        past_cachedemo(User).filter(pk=1).update(email=WANTED)
        wanted.evict([1, 2])
        assert wanted.get_by(email=WANTED).pk == 1
        past_cachedemo(User).filter(pk=1).update(email="given-up@example.com")
        wanted.table.queue.enqueue(2, 0, 100, {"email": WANTED})
        write()
        assert User.objects.get(pk=2).email == WANTED
        assert wanted.get_by(email=WANTED).pk == 2
        wanted.drain(timeout=5)


@pytest.mark.parametrize("way", ["update write-through", "save", "QuerySet.update", "create cache-aside"])
def test_a_hint_that_the_cache_could_not_be_told_of_is_owed(
    wanted: Any, way: str, redis_cache: Any, monkeypatch: Any
) -> None:
    drop = HintSlots.drop
    monkeypatch.setattr(HintSlots, "drop", _unavailable)
    WAYS[way]()
    assert redis_cache.get(HINT) == b"K1"
    monkeypatch.setattr(HintSlots, "drop", drop)
    wanted.flush()
    assert not redis_cache.exists(HINT)
    assert wanted.get_by(email=WANTED).pk == User.objects.get(email=WANTED).pk != 1


def _unavailable(*arguments: Any, **options: Any) -> Any:
    raise CacheUnavailable("no")


def test_if_too_much_is_owed_all_hints_are_emptied(wanted: Any, redis_cache: Any) -> None:
    QUEUE.command("ZADD", "{flush:users}:owed", 0, ":all")
    wanted.flush()
    assert list(redis_cache.scan_iter("v2:user*")) == []


def test_a_text_of_any_length_and_any_character_names_a_hint(transactional_db: None) -> None:
    texts = ["", " ", "a:b", "{a}", "}", "*", "K1", "ä" * 300, "x" * 199 + "y", "\n", "V", "@", "/", "日本語"]
    with made({"code": models.TextField(unique=True)}, lookups=["code"]) as rows:
        pks = {text: rows.model.objects.create(code=text).pk for text in texts}
        for _ in range(2):
            assert {text: rows.get_by(code=text).pk for text in texts} == pks
        assert {text: row.pk for text, row in rows.get_many_by("code", texts).items()} == pks
        key = rows.table.hints["code"].key
        assert all(len(key(hints.text_of(text)).encode()) < 250 for text in texts)


def test_no_row_s_key_can_be_that_of_a_hint(transactional_db: None, redis_cache: Any) -> None:
    columns = {"key": models.CharField(primary_key=True, max_length=50), "code": models.TextField(unique=True)}
    with made(columns, lookups=["code"]) as rows:
        rows.create(key="code:a", code="b")
        rows.create(key="/code:a", code="a")
        assert rows.get_by(code="a").pk == rows.get("/code:a").pk == "/code:a"
        assert rows.get_by(code="b").pk == rows.get("code:a").pk == "code:a"
        assert redis_cache.get("v1:made:code:a")[:1] == b"V"
        assert redis_cache.get("v1:made/code:a") == b"K/code:a"
