"""`KEY_PREFIX`: two installations share both servers, and neither sees what the other has."""

from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from cachedemo import cache_for
from cachedemo.operations import audit, keyspace, pause, version_deletion, workers
from cachedemo.protocol import slot_keys, stats
from tests.helpers import past_cachedemo
from tests.notes.models import Note

PREFIX = "staging-"


@pytest.fixture
def notes(people: Any) -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", owner_id=1) for pk in (1, 2)])
    return cache_for(Note)


@pytest.fixture
def staging(settings: Any) -> Any:
    """Switches from production to staging and back; takes effect at once."""

    def switch(prefix: str) -> None:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "KEY_PREFIX": prefix}

    return switch


def test_it_stands_before_every_key_and_inside_the_braces(
    notes: Any, staging: Any, redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    stats.send()  # what was counted before: another thread would send it meanwhile
    redis_queue.flushdb()
    staging(PREFIX)
    notes.get(1)
    notes.via("write-behind").update(1, title="waits")
    notes.via("write-through").update(2, title="written")
    Note.objects.filter(pk=2).update(body="bulk")
    pause.pause(notes, "ann")
    workers.say()
    keyspace.keep()
    stats.send()
    assert list(redis_cache.scan_iter()) != []
    assert all(key.startswith(b"staging-v1:note:") for key in redis_cache.scan_iter())
    keys = set(redis_queue.scan_iter())
    assert {b"staging-flush:notes", b"{staging-flush:notes}:row:1", b"{staging-cachedemo}:workers"} <= keys
    assert all(key.startswith((b"staging-", b"{staging-")) for key in keys)


@pytest.mark.parametrize("prefix", ["a{b}", "a b", "staging*", 5, b"staging"])
def test_nothing_is_kept_under_one_that_is_invalid(notes: Any, staging: Any, prefix: Any) -> None:
    staging(prefix)
    for ask in (lambda: notes.get(1), lambda: notes.get_many([1, 2]), lambda: notes.update(1, title="b")):
        with pytest.raises(ImproperlyConfigured, match=r"CACHEDEMO\['KEY_PREFIX'\] is"):
            ask()
    assert Note.objects.get(pk=1).title == "a1"


def test_two_installations_do_not_see_each_other(notes: Any, staging: Any) -> None:
    assert notes.get(1).title == "a1"
    staging(PREFIX)
    past_cachedemo(Note).filter(pk=1).update(title="staging's")  # it has a database of its own
    assert notes.get(1).title == "staging's"
    notes.via("write-behind").update(1, title="waits")
    staging("")
    assert notes.get(1).title == "a1"
    assert notes.table.queue.depth() == 0
    staging(PREFIX)
    assert notes.table.queue.depth() == 1
    assert notes.drain(timeout=5) == 1


def test_operators_of_one_see_and_delete_their_own_keys_only(
    notes: Any, staging: Any, redis_cache: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    notes.warm([1, 2])
    staging(PREFIX)
    notes.warm([1, 2])
    assert slot_keys.parts("staging-v1:note:1") == ("1", "note", "1")
    assert slot_keys.parts("v1:note:1") is None
    groups = {group.name: group.keys for group in keyspace.scan().groups.values()}
    assert groups == {"v1:note:": 2, "others": 2}
    assert audit.audit(notes).looked_at == 2
    version_deletion.begin(notes, "1", "ann", even_current=True)
    assert version_deletion.run(notes, "1").deleted == 2
    assert set(redis_cache.scan_iter()) == {b"v1:note:1", b"v1:note:2"}
    call_command("cache_ping")
    assert "PONG" in capsys.readouterr().out
