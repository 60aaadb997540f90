"""The queue of one model, in as many shards as the queue itself says: the key of a row decides in which it waits.

Each shard is a `FlushQueue` of its own, with its own clock: stamps are compared within a row. A queue of one shard has
the keys that it has always had. How their number changes stands in `operations/shards.py`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cachedemo.protocol import closed_notes, replicated, shards
from cachedemo.protocol.increments import Changes
from cachedemo.protocol.lua import change_script
from cachedemo.protocol.operated_shards import OperatedShards, Parts
from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.queues_many import all_or_unknown
from cachedemo.protocol.shards import OPENED, Shards
from cachedemo.protocol.waiting import (
    Claim,
    Claimed,
    Enqueued,
    Names,
    NotQueued,
    Owed,
    Settled,
    Stamp,
    StampOfMany,
    Stopped,
    ToQueue,
)
from cachedemo.protocol.waiting_fields import Fields
from cachedemo.servers.roles import QUEUE

AHEAD = 20_000  # microseconds: one stamp for rows of several shards lies so far ahead of all their clocks

_begin_shards = change_script("begin_shards")


class ShardedQueue(OperatedShards):
    """Talks to the shard that a row is in; what each method promises stands in `WriteQueue`."""

    def _of(self, parts: Parts, pk: Any) -> FlushQueue:
        return parts[shards.place(pk, len(parts))]

    # for readers

    def pending(self, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        return self.again(lambda parts: self._pending(parts, pks, version))

    def _pending(self, parts: Parts, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        if len(parts) == 1 or len(pks) == 1:
            return self._of(parts, pks[0] if pks else None).pending(pks, version)
        asked = self.by_part(parts, pks)
        fields: dict[Any, Fields] = {}
        told: list[bytes | None] = []
        for some, (waiting, announced) in zip(asked.values(), self._ask(asked, version), strict=True):
            fields |= zip(some, waiting, strict=True)
            told.append(announced)
        return [fields[pk] for pk in pks], _told_by_all(told)

    def _ask(
        self, asked: Mapping[FlushQueue, Sequence[Any]], version: str
    ) -> Iterator[tuple[list[Fields], bytes | None]]:
        """All shards are asked in one trip, unless each has replicas of its own that must confirm it."""
        if self.replicas and QUEUE.is_cluster:
            yield from (part.pending(some, version) for part, some in asked.items())
            return
        groups = [part.asking(some, version) for part, some in asked.items()]
        commands = [command for group in groups for command in group]
        answers = iter(replicated.pipeline(commands, self.key("asked"), self.replicas))
        for (part, some), group in zip(asked.items(), groups, strict=True):
            yield part.told(some, [next(answers) for _ in group])

    # for versions

    def announce(self, version: str, record: bytes) -> bytes:
        if self.begins_with > 1 and len(self._parts) == 1:
            self._begin()
        return self.again(lambda parts: self._announce(parts, version, record))

    def _begin(self) -> None:
        begun = Shards(self.begins_with, self.begins_with, OPENED, 1)
        if self.step(self, _begin_shards, begun.written, shards.note(begun)):
            self.look()

    def _announce(self, parts: Parts, version: str, record: bytes) -> bytes:
        """Note the same in all shards. What differs, and is not live, is told: then nothing may be filled."""
        known = parts[0].announce(version, record)
        for part in parts[1:]:
            told = part.announce(version, known)
            if told != known and not _are_live(told, known):
                return told
            if told != known:
                QUEUE.command("HSET", part.key("versions"), version, known)
        return known

    def versions(self) -> dict[str, bytes]:
        return {
            version: record
            for noted in self.again(lambda parts: [part.versions() for part in parts])
            for version, record in noted.items()
        }

    # for writers of the database

    def stamp(self, pk: Any, token: str, owed_for: float, floor: int, version: str) -> Stamp:
        return self.again(lambda parts: self._of(parts, pk).stamp(pk, token, owed_for, floor, version))

    def stamp_deletion(self, pk: Any, token: str, owed_for: float, version: str) -> Stamp:
        return self.again(lambda parts: self._of(parts, pk).stamp_deletion(pk, token, owed_for, version))

    def stamp_many(self, pks: Sequence[Any], token: str, owed_for: float, floor: int) -> StampOfMany:
        """One stamp for the rows of all shards: a little ahead of their clocks, so that each can hand out just that.

        A shard that has come further meanwhile has all of them asked again, further ahead.
        """

        def stamp(parts: Parts) -> StampOfMany:
            asked, above, ahead = self.by_part(parts, pks) or {parts[0]: []}, floor, AHEAD
            while True:
                taken = {part: part.stamp_many(some, token, owed_for, above) for part, some in asked.items()}
                stamps = {each.stamp for each in taken.values()}
                if len(stamps) == 1:
                    break
                above, ahead = max(stamps) + ahead, 2 * ahead
            waiting = {
                pk: fields for part, some in asked.items() for pk, fields in zip(some, taken[part].pending, strict=True)
            }
            versions = sorted({version for each in taken.values() for version in each.versions})
            return StampOfMany(stamps.pop(), [waiting[pk] for pk in pks], versions)

        return self.again(stamp)

    def settle_up(
        self, pk: Any, token: str, stamp: int, versions: Iterable[str], version: str, names: Names = ()
    ) -> Settled:
        live = list(versions)
        return self.again(lambda parts: self._of(parts, pk).settle_up(pk, token, stamp, live, version, names))

    def settle_up_many(
        self, pks: Sequence[Any], token: str, stamp: int, versions: Sequence[str], names: Names = ()
    ) -> list[str]:
        found = self.of_rows(pks, lambda part, some: part.settle_up_many(some, token, stamp, versions, names))
        return sorted({version for appeared in found for version in appeared})

    def refuse(
        self, pk: Any, fields: Fields, error: str, made_of: Mapping[str, Changes] = MappingProxyType({})
    ) -> bool:
        return self.again(lambda parts: self._of(parts, pk).refuse(pk, fields, error, made_of))

    def owe(self, pks: Iterable[Any]) -> None:
        self.of_rows(pks, FlushQueue.owe)

    # for write-behind

    def enqueue(
        self,
        pk: Any,
        floor: int,
        max_pending: int,
        values: Mapping[str, Any],
        fsync_within: float | None = None,
        deltas: Mapping[str, Any] = MappingProxyType({}),
    ) -> Enqueued:
        def enqueue(parts: Parts) -> Enqueued:
            share = _share(max_pending, parts)
            return self._of(parts, pk).enqueue(pk, floor, share, values, fsync_within, deltas)

        try:
            return self.again(enqueue)
        except NotQueued as refusal:  # a queue of one shard says no more than that it is closed
            if refusal.reason != "closed" or not self.look():
                raise
        return self.again(enqueue)

    def enqueue_many(
        self, rows: Sequence[ToQueue], max_pending: int, fsync_within: float | None = None
    ) -> list[Enqueued | NotQueued]:
        """Each shard is asked in a trip of its own."""
        by_pk = {row.pk: row for row in rows}

        def enqueue(parts: Parts) -> list[Enqueued | NotQueued]:
            share = _share(max_pending, parts)
            found: dict[Any, Enqueued | NotQueued] = {}
            for part, some in self.by_part(parts, by_pk).items():
                with all_or_unknown(found):
                    answers = part.enqueue_many([by_pk[pk] for pk in some], share, fsync_within)
                    found |= zip(some, answers, strict=True)
            return [found[pk] for pk in by_pk]

        return self.again(enqueue)

    # for the flush, which may also take one shard: see shard_tables.py

    def claim(self, batch_size: int, claim_for: float, max_reaped: int) -> Claimed:
        def claim(parts: Parts) -> Claimed:
            claims: list[Claim] = []
            for part in parts:
                if len(claims) < batch_size:
                    some, versions = part.claim(batch_size - len(claims), claim_for, max_reaped)
                    claims += some
            return Claimed(claims, versions)

        return self.again(claim)

    def ack(self, stamps: Mapping[str, int]) -> bool:
        return any(self.of_rows(stamps, lambda part, some: part.ack({pk: stamps[pk] for pk in some})))

    def ack_and_claim(
        self, stamps: Mapping[str, int], batch_size: int, claim_for: float, max_reaped: int
    ) -> tuple[bool, Claimed]:
        def both(parts: Parts) -> tuple[bool, Claimed]:
            if len(parts) == 1:
                return parts[0].ack_and_claim(stamps, batch_size, claim_for, max_reaped)
            return self.ack(stamps), self.claim(batch_size, claim_for, max_reaped)

        return self.again(both)

    def stop(self, error: str) -> bool:
        return self._parts[0].stop(error)

    def stopped(self) -> Stopped | None:
        return next((each for each in self.ask_each(FlushQueue.stopped) if each), None)

    def release(self, pks: Iterable[str]) -> None:
        self.of_rows(pks, FlushQueue.release)

    def park(self, pk: str) -> None:
        self.again(lambda parts: self._of(parts, pk).park(pk))

    def refile(self, old: str, new: str, passed: int) -> bool:
        """Only within a shard: the number of shards is not changed while something waits under an older text."""
        return self.again(
            lambda parts: self._of(parts, old) is self._of(parts, new) and self._of(parts, old).refile(old, new, passed)
        )

    def bury(self, claim: Claim, error: str, names: Iterable[str] | None = None) -> bool:
        return self.again(lambda parts: self._of(parts, claim.pk).bury(claim, error, names))

    def reap(self, claim_for: float, owed_for: float) -> tuple[list[Owed], list[str]]:
        found = self.again(lambda parts: [part.reap(claim_for, owed_for) for part in parts])
        live = set.intersection(*(set(versions) for _, versions in found))
        return [each for owed, _ in found for each in owed], sorted(live)

    def paid(self, owed: Iterable[Owed]) -> None:
        """What all slots are owed for is paid in the shard that has noted it, by its deadline."""
        of_rows: dict[str, list[Owed]] = {}
        for each in owed:
            of_rows.setdefault(each.pk, []).append(each)
        of_all = of_rows.pop("", [])
        self.of_rows(of_rows, lambda part, some: part.paid([each for pk in some for each in of_rows[pk]]))
        if of_all:
            self.ask_each(lambda part: part.paid(of_all))


def _share(max_pending: int, parts: Parts) -> int:
    """Return how many rows may wait in each shard: rounded up, since 1 in 4 shards must let a row wait in any."""
    return -(-max_pending // len(parts))


def _told_by_all(told: Sequence[bytes | None]) -> bytes | None:
    """Return what all shards have told; of those that differ a note that they are closed, else nothing."""
    if all(each == told[0] for each in told):
        return told[0]
    return next((each for each in told if closed_notes.parse(each) is not None), None)


def _are_live(*records: bytes) -> bool:
    try:
        return all(json.loads(record)["state"] == "live" for record in records)
    except (ValueError, TypeError, KeyError):
        return False
