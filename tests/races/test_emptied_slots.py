"""A process that has just emptied a slot need not ask for it before it takes the lease."""

from django.db import transaction


def test_a_read_after_an_update_of_this_process_takes_the_lease_at_once(actor, notes):
    notes.update(1, title="a1")
    reader = actor(lambda: notes.get(1))
    assert reader.finish().title == "a1"
    assert reader.steps[:2] == ["start", "lease"]
    again = actor(lambda: notes.get(1))
    again.finish()
    assert again.steps == ["start", "get"], "it looks first, and there is a value"


def test_what_another_reader_has_filled_meanwhile_is_a_hit(actor, notes):
    notes.update(1, title="a1")
    notes.get_many([1])
    reader = actor(lambda: notes.get(1))
    assert reader.finish().title == "a1"
    assert reader.steps == ["start", "lease"]


def test_a_lease_of_another_reader_is_waited_for(actor, notes):
    notes.update(1, title="a1")
    other = actor(lambda: notes.get_many([1])[1]).step("row")
    reader = actor(lambda: notes.get(1)).step("lease")
    other.finish()
    assert reader.finish().title == "a1"
    assert "row" not in reader.steps


def test_a_transaction_looks_first_since_it_takes_no_lease(notes, redis_cache):
    notes.update(1, title="a1")
    notes.get_many([1])
    with transaction.atomic():
        assert notes.read(1).origin == "cache"


def test_no_process_remembers_more_than_so_many(notes, monkeypatch):
    monkeypatch.setattr("cachedemo.protocol.cached_table.MOST_EMPTIED", 2)
    places = notes.table.places
    for pk in range(5):
        places.has_emptied(pk)
    assert len(places.emptied) <= 2
