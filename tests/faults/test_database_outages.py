"""The database down, or its answer lost: hits are served, and nothing unknown is acknowledged."""

import pytest
from django.db import OperationalError, connections

from cachedemo.exceptions import OutcomeUnknown, SourceUnavailable
from cachedemo.protocol import answering, database
from tests.notes.rows import let_deadlines_pass, stored_title

pytestmark = pytest.mark.usefixtures("short_timeouts")


def away(*arguments, **options):
    with answering.answering():
        raise OperationalError("no database today")


def test_without_the_source_hits_are_served_and_write_behind_is_acknowledged(notes, monkeypatch):
    notes.get(1)
    with monkeypatch.context() as patch:
        for name in ("select", "select_many", "apply", "apply_many"):
            patch.setattr(database, name, away)
        assert notes.read(1).origin == "cache"
        notes.via("write-behind").update(1, title="a1")
        assert notes.get(1).title == "a1"
        with pytest.raises(SourceUnavailable):
            notes.get(2)
        with pytest.raises(SourceUnavailable):
            notes.via("write-behind").update(2, title="a1")
        for pattern in ("cache-aside", "write-through"):
            with pytest.raises(SourceUnavailable):
                notes.via(pattern).update(1, title="a2")
        assert notes.read(1).origin == "cache", "a failed write leaves the cache warm"
    notes.drain(timeout=5)
    assert stored_title() == "a1"


def test_a_full_queue_and_no_source_is_a_refusal(notes, monkeypatch):
    monkeypatch.setattr(notes.table.options, "max_pending", 1)
    notes.get_many([1, 2])
    notes.via("write-behind").update(2, title="b1")  # now it is full
    monkeypatch.setattr(database, "apply", away)
    with pytest.raises(SourceUnavailable):
        notes.via("write-behind").update(1, title="a1")
    assert notes.table.queue.depth() == 1
    assert notes.get(1).title == "a0"


def test_an_unknown_outcome_is_never_an_acknowledgement(notes, monkeypatch, redis_cache, redis_queue):
    connection = connections["default"]
    notes.get(1)

    def lost():
        type(connection).commit(connection)
        raise OperationalError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "commit", lost)
        with pytest.raises(OutcomeUnknown):
            notes.via("write-through").update(1, title="a1")
    assert redis_cache.get("v1:note:1").startswith(b"T"), "nobody fills before it is worked off"
    let_deadlines_pass(redis_queue)
    notes.flush()
    assert notes.get(1).title == stored_title() == "a1"
