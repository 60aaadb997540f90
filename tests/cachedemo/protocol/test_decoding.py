"""A fuzzer on what is read from the servers: nothing that stands there breaks anything, or is taken for ours."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cachedemo import cache_for
from cachedemo.protocol import slot_format
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.queue import decode
from cachedemo.protocol.reads import find_values
from cachedemo.protocol.stamps import END
from tests.notes.models import Note

SERVER = b"1f2e"
DEEP = 100_000  # brackets in brackets

stamps = st.integers(0, END - 1)
digits = st.text("0123456789", min_size=16, max_size=16).map(str.encode)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
rows = st.fixed_dictionaries({"id": st.just(1), "title": st.text(), "body": st.text(), "size": st.integers()})
bodies = st.one_of(rows, json_values).map(lambda value: json.dumps(value).encode())
servers = st.sampled_from([SERVER, b""])  # or one that does not tell
kinds = st.sampled_from([b"V", b"N", b"L", b"T", b"", b"X"])
marks = st.builds(lambda token, expiry, old: b"T" + token + expiry[:13] + old, digits, digits, st.binary(max_size=40))
nearly = st.builds(lambda kind, stamp, body: kind + stamp + body, kinds, digits | st.binary(max_size=16), bodies)
anything = st.one_of(st.binary(max_size=80), nearly, marks)
waiting = st.one_of(st.binary(max_size=40), st.builds(bytes.__add__, digits, bodies))

on_servers = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(anything)
def test_any_slot_is_a_value_missing_or_nothing(slot):
    entry = slot_format.held(slot, SERVER)
    assert entry is None or entry.body is None or entry.body.startswith(b"{")


@given(stamps, rows, servers)
def test_a_slot_of_ours_is_read_as_it_was_written(stamp, row, server):
    entry = Entry(json.dumps(row).encode(), stamp, Origin.CACHE)
    slot = slot_format.slot_of(entry, server)
    for written in (slot, b"T" + b"0" * 29 + slot):
        read = slot_format.held(written, server)
        assert (read.body, read.stamp, read.slot) == (entry.body, stamp, slot)


@given(stamps, rows | st.none(), servers, servers)
def test_what_another_server_has_left_is_nothing_to_a_reader(stamp, row, wrote, reads):
    slot = slot_format.slot_of(Entry(row and json.dumps(row).encode(), stamp, Origin.CACHE), wrote)
    for each in (slot, b"T" + b"0" * 29 + slot):
        assert slot_format.is_well_formed(each)
        assert (slot_format.held(each, b"0bad") is None) == (wrote == SERVER)
        assert slot_format.held(each, reads) is not None, "nor does a server that does not tell hide anything"


@given(st.dictionaries(st.binary(max_size=10), waiting, max_size=4))
def test_every_waiting_field_is_read_or_named_with_its_error(raw):
    fields, errors = decode(raw)
    assert len(fields) + len(errors) <= len(raw)
    assert all(isinstance(stamp, int) for stamp, _ in fields.values())


@given(st.binary(max_size=60) | bodies)
def test_any_body_is_a_row_or_a_value_error(body):
    codec = cache_for(Note).table.codec
    try:
        values = codec.decode(body)
    except ValueError:
        return
    assert values.keys() == set(codec.names)


@pytest.mark.parametrize(
    "slot", [b"T" * 100_000, b"V" + b"0" * 16 + b'{"id":' + b"[" * DEEP + b"}"], ids=["marks in marks", "brackets"]
)
def test_what_is_nested_too_deep_is_not_ours(slot):
    entry = slot_format.held(slot, SERVER)
    assert entry is None or not _is_row(cache_for(Note), entry.body)


def test_a_waiting_field_nested_too_deep_is_an_error():
    fields, errors = decode({b"title": b"0" * 16 + b"[" * DEEP})
    assert not fields
    assert list(errors) == ["title"]


@pytest.fixture
def note(transactional_db):
    return Note.objects.create(pk=1, title="a0", body="b0")


@on_servers
@given(slot=anything)
def test_whatever_stands_in_a_slot_a_reader_gets_an_answer(note, redis_cache, slot):
    notes = cache_for(Note)
    redis_cache.set(notes.table.slots.key(1), slot, px=200)
    found = slot_format.held(slot, SERVER)
    if found is not None and found.body is None:
        return  # known to be missing: that would be ours
    entry, values = find_values(notes.table, 1)
    ours = found is not None and _is_row(notes, found.body)
    assert ours or values["title"] == "a0"
    assert entry.body


def _is_row(notes, body):
    try:
        notes.table.codec.decode(body)
    except ValueError:
        return False
    return True


@on_servers
@example(raw={b"title": b"0" * 16 + b"{}"})
@given(raw=st.dictionaries(st.sampled_from([b"title", b"body", b"size", b"\xff"]), waiting, min_size=1))
def test_whatever_waits_is_flushed_or_a_dead_letter(note, redis_queue, raw):
    notes = cache_for(Note)
    redis_queue.flushdb()
    notes.announce()
    redis_queue.hset("{flush:notes}:row:1", mapping=raw)
    redis_queue.zadd("{flush:notes}:pending", {"1": 1})
    redis_queue.rpush("flush:notes", "1")
    notes.drain(timeout=5)
    left = redis_queue.exists("{flush:notes}:row:1")
    assert bool(left) == ("1" in notes.table.queue.dead())
    notes.get_many([1])
