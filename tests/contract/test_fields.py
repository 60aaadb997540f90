"""A write names what it changes: two writes of different fields never cost each other anything."""

import itertools

import pytest

from cachedemo import Pattern
from tests.interleaving import interleaving
from tests.notes.models import Note

PAIRS = list(itertools.product(Pattern, Pattern))


def agree(notes):
    """Drain, and return what cache and database hold once they are found to agree."""
    notes.drain(timeout=5)
    cached, stored = notes.get(1), Note.objects.get(pk=1)
    assert (cached.title, cached.body) == (stored.title, stored.body)
    return stored.title, stored.body


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("warm", [True, False])
def test_one_after_the_other_both_are_kept(notes, first, second, warm):
    if warm:
        notes.get(1)
    notes.via(first).update(1, title="a1")
    written = notes.via(second).update(1, body="b1")
    assert (written.title, written.body) == ("a1", "b1")
    assert (notes.get(1).title, notes.get(1).body) == ("a1", "b1")
    assert agree(notes) == ("a1", "b1")


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("warm", [True, False])
def test_at_the_same_time_both_are_kept_wherever_the_first_is_stopped(notes, first, second, warm, redis_cache):
    stops = ["start", "mark", "stamp", "commit", "finish", "settle_up", "enqueue", "publish"]
    for number, stop in enumerate(stops):
        title, body = f"a{number}", f"b{number}"
        redis_cache.flushdb()
        if warm:
            notes.get(1)
        with interleaving() as actor:
            one = actor(lambda title=title: notes.via(first).update(1, title=title))
            one.try_until(stop)
            actor(lambda body=body: notes.via(second).update(1, body=body)).finish()
            assert notes.get(1).body == body
            one.finish()
        assert (notes.get(1).title, notes.get(1).body) == (title, body)
        assert agree(notes) == (title, body)
