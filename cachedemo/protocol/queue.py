"""The queue of one model: stamps, the writes that wait for the database, and who is working on them.

The keys and what holds between them are described in `lua/queue.lua`, each step in the script of its name.
"""

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cachedemo.exceptions import ForeignData, OutcomeUnknown, QueueUnavailable
from cachedemo.protocol import deleted_rows, parked_rows, replicated, rights
from cachedemo.protocol.batch_owner import batch_owner
from cachedemo.protocol.error_descriptions import describe, one_line
from cachedemo.protocol.increments import Changes, to_json
from cachedemo.protocol.lua import QueueScript, joint_script, queue_script
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.queues_many import ENQUEUE, QueuesMany
from cachedemo.protocol.row_json import encoded
from cachedemo.protocol.shards import NOT_OPEN
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
    claimed_of,
    letter,
    pairs,
    stopped_of,
    texts,
)
from cachedemo.protocol.waiting_fields import Fields, decode, decode_packed, decode_plain, is_packed, unpacked
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import QUEUE

logger = logging.getLogger(__name__)


REAP_LIMIT = 1000  # claims and writers looked at in one go


_announce = queue_script("announce")
_stamp, _settle_up, _enqueue = queue_script("stamp"), queue_script("settle_up"), ENQUEUE
_stamp_many, _settle_up_many = queue_script("stamp_many"), queue_script("settle_up_many")
_claim, _ack, _release, _bury = (
    queue_script("claim"),
    queue_script("ack"),
    queue_script("release"),
    queue_script("bury"),
)
_ack_and_claim = joint_script("ack_and_claim", "ack", "claim")
_reap, _owe, _paid = queue_script("reap"), queue_script("owe"), queue_script("paid")
_park, _refile = queue_script("park"), queue_script("refile")
_OF_WRITERS = (_announce, _stamp, _settle_up, _enqueue, _stamp_many, _settle_up_many, _owe, _refile, _bury)


class FlushQueue(QueuesMany):
    """Talks to the queue server; what each method promises stands in `WriteQueue`."""

    # for readers

    def pending(self, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        commands = self.asking(pks, version)
        return self.told(pks, replicated.pipeline(commands, self.key("asked"), self.replicas))

    def asking(self, pks: Sequence[Any], version: str) -> list[tuple[Any, ...]]:
        """Return the commands that ask what waits for these rows, and what is announced."""
        commands: list[tuple[Any, ...]] = [("GET", self.key(f"row:{pk}")) for pk in pks]
        opened = [("GET", self.key("opened"))] if self.is_shard else []
        return [*commands, *opened, ("GET", self.key("closed")), ("HGET", self.key("versions"), version)]

    def told(self, pks: Sequence[Any], answers: Sequence[Any]) -> tuple[list[Fields], bytes | None]:
        """Return what `pending` does, from the answers; what is a hash is asked for once more. Raises Moved."""
        told = raised(answers[-2]) or raised(answers[-1])  # as `announced` in lua/queue.lua has it
        self._current(NOT_OPEN if self.is_shard and raised(answers[-3]) is None else told)
        found = dict(zip(pks, answers, strict=False))
        found |= self._hashes([pk for pk, row in found.items() if not (row is None or is_packed(row))])
        return [self._readable(pk, found[pk]) for pk in pks], told

    def _hashes(self, pks: Sequence[Any]) -> dict[Any, Any]:
        """Return what waits for rows that are not packed, as few are; one may have been flushed and packed since."""
        if not pks:
            return {}
        commands = [(how, self.key(f"row:{pk}")) for pk in pks for how in ("HGETALL", "GET")]
        answers = replicated.pipeline(commands, self.key("asked"), self.replicas)
        hashes, packed = answers[: 2 * len(pks) : 2], answers[1 : 2 * len(pks) : 2]
        return {pk: text if is_packed(text) else raw for pk, raw, text in zip(pks, hashes, packed, strict=True)}

    def _readable(self, pk: Any, raw: Any) -> Fields:
        """Return the fields that can be read; the flush buries the others with their error."""
        if is_packed(raw):
            raw = pairs(unpacked(raw))
        elif raw is None:
            return {}
        if isinstance(raw, ForeignData):
            logger.warning("%s", describe(raw))
            return {}
        fields, errors = decode(raised(raw))
        if errors:
            logger.warning("Waiting fields of %s %s cannot be read: %s", self.name, one_line(pk), one_line(errors))
        return fields

    # for versions

    def announce(self, version: str, record: bytes) -> bytes:
        rights.refuse_half_a_step(self.name, self.key("versions"), map(self._of, _OF_WRITERS))
        return self._run_replicated(_announce, version, record)

    def versions(self) -> dict[str, bytes]:
        known, closed, opened = map(raised, QUEUE.pipeline(self._asking_versions()))
        self._current(NOT_OPEN if self.is_shard and opened is None else closed)
        return {version.decode(): record for version, record in known.items()}

    def _asking_versions(self) -> list[tuple[str, str]]:
        return [("HGETALL", self.key("versions")), ("GET", self.key("closed")), ("GET", self.key("opened"))]

    # for writers of the database

    def stamp(self, pk: Any, token: str, owed_for: float, floor: int, version: str) -> Stamp:
        return self._stamped(pk, token, owed_for, floor, 0, version)

    def stamp_deletion(self, pk: Any, token: str, owed_for: float, version: str) -> Stamp:
        return self._stamped(pk, token, owed_for, 0, deleted_rows.REFUSED_FOR, version)

    def _stamped(self, pk: Any, token: str, owed_for: float, floor: int, gone_for: int, version: str) -> Stamp:
        arguments = (token, int(owed_for * 1_000_000), floor, gone_for * 1_000_000, version)
        row = () if pk is None else (str(pk),)
        stamp, fields, versions, announced = self._run_replicated(_stamp, *arguments, *row)
        self._current(announced)
        return Stamp(int(stamp), self._readable(pk, pairs(fields)), texts(versions), announced)

    def stamp_many(self, pks: Sequence[Any], token: str, owed_for: float, floor: int) -> StampOfMany:
        stamp, versions, fields = self._run_replicated(
            _stamp_many, token, int(owed_for * 1_000_000), floor, *map(str, pks)
        )
        readable = [self._readable(pk, pairs(raw)) for pk, raw in zip(pks, fields, strict=True)]
        return StampOfMany(int(stamp), readable, texts(versions))

    def settle_up(
        self, pk: Any, token: str, stamp: int, versions: Iterable[str], version: str, names: Names = ()
    ) -> Settled:
        arguments = (str(pk), token, b"%016d" % stamp, _between_commas(names), version, *versions)
        to_empty, announced = self._run(_settle_up, *arguments)
        self._current(announced)
        return Settled(texts(to_empty), announced)

    def settle_up_many(
        self, pks: Sequence[Any], token: str, stamp: int, versions: Sequence[str], names: Names = ()
    ) -> list[str]:
        arguments = (token, b"%016d" % stamp, _between_commas(names), len(versions), *versions, *map(str, pks))
        return texts(self._run(_settle_up_many, *arguments))

    def refuse(
        self, pk: Any, fields: Fields, error: str, made_of: Mapping[str, Changes] = MappingProxyType({})
    ) -> bool:
        stamps = {name: stamp for name, (stamp, _) in fields.items()}
        parts = [part for name, field in fields.items() for part in _to_flag(name, field, made_of.get(name))]
        return self._bury(pk, letter(error, stamps), parts, claimed=False)

    def owe(self, pks: Iterable[Any]) -> None:
        self._run_replicated(_owe, *map(str, pks))

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
        fields = [part for name, value in values.items() for part in (name, encoded(value))]
        fields += [part for name, delta in deltas.items() for part in (f"+{name}", encoded(to_json(delta)))]
        arguments = [str(pk), floor, max_pending, *fields]
        try:
            answer = (
                self._enqueue(arguments) if fsync_within is None else self._enqueue_on_disk(arguments, fsync_within)
            )
        except QueueUnavailable as error:
            if error.full:
                raise NotQueued("full") from error
            if error.sent:
                raise OutcomeUnknown(f"The queue may have the write or not: {error}") from error
            raise
        except ForeignData as error:  # a script that fails halfway keeps what it has written
            raise OutcomeUnknown(f"The queue may have the write or not: {error}") from error
        if isinstance(answer, bytes):
            raise NotQueued(answer.decode().lower())
        return self.enqueued(pk, answer, deltas)

    def enqueued(self, pk: Any, answer: Sequence[Any], deltas: Mapping[str, Any]) -> Enqueued:
        with taken("queue"):
            stamp, first, count, *rest = answer
            versions, previous, waiting = rest[:count], rest[count : count + len(deltas)], rest[count + len(deltas) :]
            plain = decode_packed(waiting[0]) if len(waiting) == 1 else decode_plain(waiting)
            raw = waiting[0] if len(waiting) == 1 else pairs(waiting)
            pending = self._readable(pk, raw) if plain is None else plain[0]
            before = {name: int(last or 0) for name, last in zip(deltas, previous, strict=True)} if deltas else {}
            return Enqueued(int(stamp), pending, texts(versions), bool(first), before)

    def _run_replicated(self, script: QueueScript, *arguments: Any) -> Any:
        if not self.replicas:
            return self._run(script, *arguments)
        with self._naming_foreign_keys():
            return self._current(replicated.script(self._of(script), [self.list_key], arguments, self.replicas))

    def _enqueue(self, arguments: list[Any]) -> Any:
        try:
            return self._run_replicated(_enqueue, *arguments)
        except replicated.TooFew as error:
            raise OutcomeUnknown(f"The queue has the write, and may lose it: {error}") from error

    def _enqueue_on_disk(self, arguments: list[Any], within: float) -> Any:
        """WAITAOF speaks of the writes of its own connection, so it goes along in the same pipeline."""
        wait = ("WAITAOF", 1, self.replicas, max(1, int(within * 1000)))
        with self._naming_foreign_keys():
            answer, synced = QUEUE.script_and(self._of(_enqueue), [self.list_key], arguments, wait)
        if isinstance(self._current(answer), bytes):
            return answer  # refused: nothing to wait for
        if isinstance(synced, Exception):
            raise OutcomeUnknown(f"The queue cannot say whether the write is on disk: {synced}") from synced
        if synced[0] < 1 or synced[1] < self.replicas:
            raise OutcomeUnknown(f"The queue did not have the write on disk within {within} s; it is not acknowledged.")
        return answer

    # for the flush

    def claim(self, batch_size: int, claim_for: float, max_reaped: int) -> Claimed:
        # With replicas: a delta that one which takes over lacks the seal of would grow while it is written.
        claim = (batch_size, int(claim_for * 1_000_000), max_reaped, batch_owner())
        return claimed_of(self._run_replicated(_claim, *claim))

    def ack(self, stamps: Mapping[str, int]) -> bool:
        return bool(self._run(_ack, _joined(stamps), *stamps))

    def ack_and_claim(
        self, stamps: Mapping[str, int], batch_size: int, claim_for: float, max_reaped: int
    ) -> tuple[bool, Claimed]:
        claim = (batch_size, int(claim_for * 1_000_000), max_reaped, batch_owner())
        count = 1 + len(stamps)
        had_stopped, answer = self._run_replicated(_ack_and_claim, count, _joined(stamps), *stamps, *claim)
        return bool(had_stopped), claimed_of(answer)

    def stop(self, error: str) -> bool:
        known = self.stopped()
        if known is not None and known.error == error:
            return False
        QUEUE.command("SET", self.key("stopped"), json.dumps({"error": error, "at": time.time()}))
        return True

    def stopped(self) -> Stopped | None:
        return stopped_of(QUEUE.command("GET", self.key("stopped")))

    def release(self, pks: Iterable[str]) -> None:
        self._run(_release, *pks)

    def park(self, pk: str) -> None:
        self._run(_park, pk, int(parked_rows.PARKED_FOR * 1_000_000))

    def refile(self, old: str, new: str, passed: int) -> bool:
        return bool(self._run(_refile, old, new, passed))

    def bury(self, claim: Claim, error: str, names: Iterable[str] | None = None) -> bool:
        chosen = None if names is None else set(names)
        stamps = {name: stamp for name, (stamp, _) in claim.fields.items() if chosen is None or name in chosen}
        parts = [part for name, raw in claim.entries(chosen).items() for part in (name, raw[:16], "", 0)]
        return self._bury(claim.pk, letter(error, stamps), parts, claimed=True)

    def _bury(self, pk: Any, letter: str, refused: Iterable[Any], *, claimed: bool) -> bool:
        return bool(self._run(_bury, str(pk), letter, int(claimed), *refused))

    def reap(self, claim_for: float, owed_for: float) -> tuple[list[Owed], list[str]]:
        owed, versions = self._run(_reap, REAP_LIMIT, int(claim_for * 1_000_000), int(owed_for * 1_000_000))
        return [Owed(member, deadline) for member, deadline in pairs(owed).items()], texts(versions)

    def paid(self, owed: Iterable[Owed]) -> None:
        self._run(_paid, *(part for pair in owed for part in pair))


def _to_flag(name: str, field: tuple[int, Any], made_of: Changes | None) -> list[Any]:
    """Return what `bury` is told of a field: to flag it as it waits, or the value that its entries become."""
    stamp, value = field
    if made_of is not None:
        entries = [part for entry in _entries(name, made_of) for part in entry]
        return [name, b"%016d" % stamp, encoded(value), len(made_of), *entries]
    waiting = _entries(name, value) if type(value) is Changes else [(name, b"%016d" % stamp)]
    return [part for entry in waiting for part in (*entry, "", 0)]


def _entries(name: str, changes: Changes) -> list[tuple[str, bytes]]:
    return [(f"{name}+{each.first:016d}" if each.adds else name, b"%016d" % each.last) for each in changes]


def _joined(stamps: Mapping[str, int]) -> bytes:
    return b"".join([b"%016d" % stamp for stamp in stamps.values()])


def _between_commas(names: Names) -> str:
    return "*" if names is None else f",{','.join(names)},"
