"""The checker of histories: it accepts what the promise allows, and finds each planted violation by its name."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.checker import check
from tests.faults.history import FOREVER, Kind, Operation, Outcome, Recorder, load

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN


def create(start, end, value="a0", outcome=OK):
    return Operation("c", Kind.CREATE, 1, {"title": value, "body": "b0"}, start, end, outcome)


def write(start, end, value, outcome=OK, field="title"):
    return Operation("c", Kind.WRITE, 1, {field: value}, start, end, outcome)


def add(start, end, delta, outcome=OK):
    return Operation("c", Kind.ADD, 1, {"size": delta}, start, end, outcome)


def count(start, end, size, final=False):
    return Operation("c", Kind.READ, 1, {"title": "a0", "body": "b0", "size": size}, start, end, OK, final)


def delete(start, end, outcome=OK):
    return Operation("c", Kind.DELETE, 1, None, start, end, outcome)


def read(start, end, value, final=False, body="b0"):
    fields = None if value is None else {"title": value, "body": body}
    return Operation("c", Kind.READ, 1, fields, start, end, OK, final)


def kinds(*operations):
    return [violation.kind for violation in check([create(0, 1), *operations])]


# what is allowed


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([], id="nothing happened"),
        pytest.param([read(2, 3, "a0"), write(4, 5, "a1"), read(6, 7, "a1")], id="one after the other"),
        pytest.param([write(2, 9, "a1"), read(3, 4, "a1"), read(5, 6, "a0")], id="a write under way flickers"),
        pytest.param([write(2, 9, "a1"), read(8, 10, "a0")], id="a read that began before the acknowledgement"),
        pytest.param([write(2, 5, "a1"), write(3, 6, "a2"), read(7, 8, "a1")], id="concurrent writes: the first"),
        pytest.param([write(2, 5, "a1"), write(3, 6, "a2"), read(7, 8, "a2")], id="concurrent writes: the second"),
        pytest.param([write(2, FOREVER, "a1", UNKNOWN), read(4, 5, "a0")], id="an unknown write never seen"),
        pytest.param([write(2, 3, "a1", UNKNOWN), write(4, 5, "a2"), read(6, 7, "a1")], id="an unknown write, late"),
        pytest.param([write(2, 3, "a1", FAILED), read(4, 5, "a0", final=True)], id="a failed write is not there"),
        pytest.param([write(2, 3, "b1", field="body"), read(4, 5, "a0", body="b1")], id="each field on its own"),
        pytest.param([add(2, 3, 2), add(4, 9, 3), count(5, 6, 2), count(7, 8, 5)], id="an increment under way"),
        pytest.param([add(2, FOREVER, 2, UNKNOWN), count(5, 6, 0), count(7, 8, 2)], id="an unknown increment"),
        pytest.param([add(2, 3, 2, FAILED), count(5, 6, 0, final=True)], id="a failed increment is not there"),
        pytest.param([delete(2, 9), read(3, 4, None), read(5, 6, "a0")], id="a delete under way flickers"),
        pytest.param([delete(2, 3, UNKNOWN), read(4, 5, "a0")], id="an unknown delete, not done"),
        pytest.param([delete(2, 3, UNKNOWN), read(4, 5, None)], id="an unknown delete, done"),
        pytest.param([delete(2, 3), read(4, 5, None, final=True)], id="a deleted row is missing"),
    ],
)
def test_it_accepts_what_the_promise_allows(history):
    assert kinds(*history) == []


def test_it_accepts_a_row_seen_before_its_create_is_acknowledged():
    assert check([create(0, 9), read(1, 2, None), read(3, 4, "a0"), read(5, 6, None)]) == []


# what is not


@pytest.mark.parametrize(
    ("violation", "history"),
    [
        ("stale", [write(2, 3, "a1"), read(4, 5, "a0")]),
        ("stale", [write(2, 3, "a1"), write(4, 5, "a2"), read(6, 7, "a1"), read(8, 9, "a2")]),
        ("stale", [write(2, 3, "b1", field="body"), read(4, 5, "a0")]),
        ("lost", [write(2, 3, "a1"), read(4, 5, "a1"), read(8, 9, "a0", final=True)]),
        ("stale", [add(2, 3, 2), count(4, 5, 0)]),
        ("lost", [add(2, 3, 2), add(2, FOREVER, 2, UNKNOWN), count(4, 5, 0, final=True)]),
        ("twice", [add(2, 3, 2), count(4, 5, 4)]),
        ("twice", [add(2, 3, 2, FAILED), count(4, 5, 2)]),
        ("twice", [count(2, 3, 2), add(4, 5, 2)]),
        ("contradiction", [write(2, 5, "a1"), write(3, 6, "a2"), read(7, 8, "a1"), read(9, 10, "a2")]),
        ("phantom", [read(2, 3, "nobody's")]),
        ("phantom", [read(2, 3, "a1"), write(4, 5, "a1")]),
        ("undone", [write(2, 3, "a1", FAILED), read(4, 5, "a1")]),
        ("resurrected", [delete(2, 3), read(4, 5, "a0")]),
        ("resurrected", [delete(2, 3), read(4, 5, None), read(6, 7, "a0", final=True)]),
        ("vanished", [read(2, 3, None)]),
        ("vanished", [read(2, 3, None), delete(4, 5)]),
        ("drift", [write(2, 5, "a1"), write(3, 6, "a2", UNKNOWN), read(7, 8, "a1", True), read(7, 8, "a2", True)]),
    ],
)
def test_it_finds_a_planted_violation(violation, history):
    assert kinds(*history) == [violation]


def test_an_unknown_write_that_was_seen_is_superseded_for_good():
    unknown = write(2, FOREVER, "a1", UNKNOWN)
    assert kinds(unknown, read(3, 4, "a1"), write(5, 6, "a2"), read(7, 8, "a1")) == ["stale"]


def test_it_excuses_only_reads_that_began_while_writers_could_not_reach_the_cache():
    history = [create(0, 1), write(2, 3, "a1"), read(4, 5, "a0"), read(6, 7, "a0")]
    assert check(history, outages=[(3, 6)]) == []
    assert [violation.kind for violation in check(history, outages=[(3, 5)])] == ["stale"]
    phantom = read(4, 5, "nobody's")
    assert [violation.kind for violation in check([create(0, 1), phantom], outages=[(3, 6)])] == ["phantom"]


# histories of all kinds

operations = st.lists(st.sampled_from(["write", "unknown", "failed", "read"]), max_size=30)


def sequential(steps):
    """A history of one client after the other: every read returns the last value written."""
    times, values, now = itertools.count(2), itertools.count(1), "a0"
    for step in steps:
        start, end = next(times), next(times)
        if step == "read":
            yield read(start, end, now)
            continue
        value = f"a{next(values)}"
        outcome = {"write": OK, "unknown": UNKNOWN, "failed": FAILED}[step]
        yield write(start, end, value, outcome)
        now = now if step == "failed" else value


@given(operations)
def test_it_accepts_every_sequential_history(steps):
    assert kinds(*sequential(steps)) == []


@given(operations, st.data())
def test_one_older_value_in_a_sequential_history_is_found(steps, data):
    history = list(sequential([*steps, "write", "read"]))
    older = data.draw(st.sampled_from(["a0", *(each.fields["title"] for each in history[:-2] if is_write(each))]))
    assert "stale" in kinds(*history[:-1], history[-1]._replace(fields={"title": older, "body": "b0"}))


def is_write(operation):
    return operation.kind is Kind.WRITE and operation.outcome is OK


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=12), st.data())
@settings(max_examples=200)
def test_it_accepts_every_history_with_an_order_of_effects(spans, data):
    """Each operation takes effect at one instant between start and end: whatever else overlaps, that is allowed."""
    plan = sorted((10 + 3 * n, n, before, after) for n, (before, after, _) in enumerate(spans))
    history, now = [], "a0"
    for instant, number, before, after in plan:
        start, end = instant - before, instant + after + 1
        if data.draw(st.booleans()):
            now = f"a{number + 1}"
            history.append(write(start, end, now))
        else:
            history.append(read(start, end, now))
    assert kinds(*history) == []


# written down


def test_a_history_survives_its_writer(tmp_path):
    recorder = Recorder("ann", tmp_path / "ann.jsonl")
    number = recorder.begin(Kind.READ, 1)
    recorder.end(number, OK, {1: {"title": "a0"}, 2: None})
    recorder.begin(Kind.WRITE, 1, {"title": recorder.value(2)})
    seen, missing, unended = load([tmp_path / "ann.jsonl"])
    assert (seen.row, seen.fields, missing.row, missing.fields) == (1, {"title": "a0"}, 2, None)
    assert (unended.outcome, unended.end, unended.fields) == (UNKNOWN, FOREVER, {"title": "ann.2"})
    assert seen.start <= seen.end <= unended.start


def test_reads_of_copies_may_be_as_old_as_near_and_no_older():
    history = [create(0, 1), write(2, 3, "a1")._replace(client="another")]
    assert check([*history, read(7, 8, "a0")], near=5) == []
    assert [violation.kind for violation in check([*history, read(9, 10, "a0")], near=5)] == ["stale"]
    own = [create(0, 1), write(2, 3, "a1")]
    assert [violation.kind for violation in check([*own, read(4, 5, "a0")], near=5)] == ["stale"]
    assert [violation.kind for violation in check([*history, read(4, 5, "a0", final=True)], near=5)] == ["lost"]
