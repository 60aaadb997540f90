"""`manage.py flush` is Django's own, and what is cached of the rows, or waits for them, goes with the tables."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cachedemo import cache_for
from cachedemo.operations import dead_letters
from cachedemo.servers import test_runs
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture(autouse=True)
def no_test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_runs, "is_test_environment", lambda: False)


def flush(**options: Any) -> None:
    call_command("flush", verbosity=0, **{"interactive": False, **options})


def test_no_row_is_shown_or_found_any_more(users: Any) -> None:
    users.warm([1, 2, 3])
    assert users.get_by(email="bob@example.com").pk == 2
    flush()
    assert users.get_many([1, 2, 3]) == {}
    with pytest.raises(User.DoesNotExist):
        users.get_by(email="bob@example.com")


def test_what_waited_reaches_no_row_that_has_the_same_key_afterwards(users: Any) -> None:
    users.via("write-behind").update(1, name="waits")
    flush()
    past_cachedemo(User).bulk_create([User(pk=1, name="new", email="new@example.com")])
    assert users.get(1).name == "new"
    users.drain(timeout=5)
    assert User.objects.get(pk=1).name == "new"


def test_what_was_refused_is_given_up() -> None:
    past_cachedemo(Note).bulk_create([Note(pk=1, title="old", owner_id=1)])
    notes = cache_for(Note)
    refuse_a_title()
    notes.via("write-behind").update(1, title="refused")
    notes.drain(timeout=5)
    assert dead_letters.letters(notes)
    flush()
    allow_every_title()
    assert not dead_letters.letters(notes)
    past_cachedemo(User).bulk_create([User(pk=1, name="new", email="new@example.com")])
    past_cachedemo(Note).bulk_create([Note(pk=1, title="new", owner_id=1)])
    assert notes.get(1).title == "new"


def test_what_is_cancelled_changes_nothing(users: Any, monkeypatch: pytest.MonkeyPatch, redis_cache: Any) -> None:
    users.warm([1])
    monkeypatch.setattr("builtins.input", lambda asked: "no")
    flush(interactive=True)
    assert redis_cache.exists("v2:user:1")
    assert users.get(1).name == "Alice Singh"


def test_without_the_queue_nothing_is_deleted(users: Any, broken_queue: Any) -> None:
    with broken_queue(), pytest.raises(CommandError, match=r"Nothing was deleted\.$"):
        flush()
    assert User.objects.count() == 3


def test_switched_off_it_is_djangos_alone(users: Any, settings: Any, broken_queue: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False}
    with broken_queue():
        flush()
    assert not User.objects.exists()


def test_in_a_test_run_it_is_too(users: Any, monkeypatch: pytest.MonkeyPatch, redis_cache: Any) -> None:
    users.warm([1])
    monkeypatch.undo()
    flush()
    assert redis_cache.exists("v2:user:1")  # keys of a test run are emptied elsewhere
