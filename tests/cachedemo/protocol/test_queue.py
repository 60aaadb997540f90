"""Whatever comes after whatever: an id is pending exactly when its row's hash exists, in line exactly when a field
waits that is not refused, and dead exactly when one is."""

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.waiting import Claim, NotQueued
from cachedemo.protocol.waiting_fields import not_refused, refused
from cachedemo.servers.roles import QUEUE

PKS = st.sampled_from(["1", "2", "3"])
FIELDS = st.sampled_from(["a", "b"])


class Queue(RuleBasedStateMachine):
    """The scripts of one queue in any order, as many writers and flushers would call them."""

    @initialize()
    def empty(self) -> None:
        QUEUE.command("FLUSHDB")
        self.queue = FlushQueue("flush:things")
        self.claims: list[Claim] = []
        self.stamps: list[int] = []

    @rule(pk=PKS, field=FIELDS, floor=st.integers(0, 10))
    def enqueue(self, pk: str, field: str, floor: int) -> None:
        with contextlib.suppress(NotQueued):  # full or gone
            self.stamps.append(self.queue.enqueue(pk, floor, 2, {field: "x"}).stamp)

    @rule(pk=PKS, gone=st.sampled_from([False, False, True]))
    def write_the_source(self, pk: str, gone: bool) -> None:
        stamped = (
            self.queue.stamp_deletion(pk, "0" * 16, 15, "1") if gone else self.queue.stamp(pk, "0" * 16, 15, 0, "1")
        )
        self.stamps.append(stamped.stamp)
        settled = self.queue.settle_up(pk, "0" * 16, stamped.stamp, [], "1", None if gone else ["a"])
        assert settled.appeared == []

    @rule(size=st.integers(1, 3), overdue=st.booleans())
    def claim(self, size: int, overdue: bool) -> None:
        claims, _ = self.queue.claim(size, -1 if overdue else 60, 3)
        self.claims += claims

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        if self.claims:
            claim = data.draw(st.sampled_from(self.claims))
            self.queue.ack({claim.pk: claim.stamp})

    @rule(data=st.data(), names=st.sampled_from([None, ["a"], ["b"]]))
    def bury(self, data: st.DataObject, names: list[str] | None) -> None:
        if self.claims:
            self.queue.bury(data.draw(st.sampled_from(self.claims)), "refused", names)

    @rule(pk=PKS, field=FIELDS)
    def refuse(self, pk: str, field: str) -> None:
        [fields], _ = self.queue.pending([pk], "1")
        self.queue.refuse(pk, {field: fields[field]} if field in not_refused(fields) else {}, "refused")

    @rule(pk=PKS)
    def retry(self, pk: str) -> None:
        self.queue.retry([pk])

    @rule(pk=PKS)
    def discard(self, pk: str) -> None:
        self.queue.discard([pk])

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.claims:
            self.queue.release([data.draw(st.sampled_from(self.claims)).pk])

    @rule()
    def reap(self) -> None:
        self.queue.reap(60, 15)

    @invariant()
    def each_pending_id_is_where_it_belongs(self) -> None:
        if not hasattr(self, "queue"):
            return
        base = "{flush:things}:"
        pending = QUEUE.command("ZRANGE", base + "pending", 0, -1)
        rows = [key.rpartition(b":")[2] for key in QUEUE.client().scan_iter(match=base + "row:*")]
        line = [*QUEUE.command("LRANGE", "flush:things", 0, -1), *QUEUE.command("ZRANGE", base + "claimed", 0, -1)]
        waiting = dict(zip(rows, self.queue.pending([row.decode() for row in rows], "1")[0], strict=True))
        assert sorted(pending) == sorted(rows)
        assert sorted(line) == sorted(row for row in rows if not_refused(waiting[row]))
        assert sorted(QUEUE.command("HKEYS", base + "dead")) == sorted(row for row in rows if refused(waiting[row]))

    @invariant()
    def stamps_grow(self) -> None:
        stamps = getattr(self, "stamps", [])
        assert stamps == sorted(set(stamps))


Queue.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class TestQueue(Queue.TestCase):
    @pytest.fixture(autouse=True)
    def servers(self, clean_servers: None) -> None:
        """The real queue."""


def test_a_row_whose_deletion_is_recent_takes_no_write(redis_queue):
    queue = FlushQueue("flush:things")
    queue.stamp_deletion("1", "0" * 16, 15, "1")
    with pytest.raises(NotQueued, match="gone"):
        queue.enqueue("1", 0, 10, {"a": "x"})
    assert queue.enqueue("2", 0, 10, {"a": "x"}).first
    assert queue.waiting_pks() == ["2"]


def test_a_stamp_passes_the_clock_where_time_is_behind_it(redis_queue):
    queue = FlushQueue("flush:things")
    redis_queue.set("{flush:things}:clock", 3_000_000_000_000_000)
    stamps = [queue.enqueue(pk, 0, 10, {"a": "x"}).stamp for pk in ("1", "1", "2")]
    assert stamps == [3_000_000_000_000_001, 3_000_000_000_000_002, 3_000_000_000_000_003]
    assert queue.stamp("1", "0" * 16, 15, 0, "1").stamp == 3_000_000_000_000_004
    assert redis_queue.get("{flush:things}:clock") == b"3000000000000004"
