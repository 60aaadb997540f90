"""What operators ask of a queue, and do to it: how much waits, since when, what is dead, and what becomes of that."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cachedemo.exceptions import ForeignData, Refused, Unavailable
from cachedemo.protocol.lua import QueueScript, queue_script
from cachedemo.protocol.shards import Moved, is_moved
from cachedemo.protocol.waiting import Owed, letter_of, oldest_of, text
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.scripts import Script

# What the keys hold that all rows share, by Redis's names; lua/queue.lua describes them.
_KINDS = {
    **dict.fromkeys(("pending", "claimed", "owed", "gone", "flushers"), b"zset"),
    **dict.fromkeys(("reaped", "dead", "versions", "traces"), b"hash"),
    **dict.fromkeys(("clock", "stopped", "closed", "opened", "draining"), b"string"),
}

_retry, _discard = queue_script("retry"), queue_script("discard")
_close, _end_closing, _open = queue_script("close"), queue_script("end_closing"), queue_script("open")


class OperatedQueue(WriteQueue):
    """The part of a queue on the queue server that the protocol itself does not need.

    Attributes:
        is_shard: whether it is one of several, and so is current only where its own key says so.
    """

    is_shard = False

    def retry(self, pks: Iterable[str]) -> int:
        return self._run(_retry, *pks)

    def discard(self, pks: Iterable[str]) -> int:
        return self._run(_discard, *pks)

    def in_line(self) -> int:
        return sum(map(raised, QUEUE.pipeline([("LLEN", self.list_key), ("ZCARD", self.key("claimed"))])))

    def waiting_pks(self) -> list[str]:
        return [text(pk) for pk in QUEUE.command("ZRANGE", self.key("pending"), 0, -1)]

    def in_flight(self) -> int:
        claimed: int = QUEUE.command("ZCARD", self.key("claimed"))
        return claimed

    def depth(self) -> int:
        return QUEUE.command("ZCARD", self.key("pending"))

    def lag(self) -> float:
        since = oldest_of(QUEUE.command("ZRANGE", self.key("pending"), 0, 0, "WITHSCORES"))
        return 0.0 if since is None else max(0.0, time.time() - since)

    def dead(self, pks: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        if pks is None:
            found = QUEUE.command("HGETALL", self.key("dead"))
        else:
            found = dict(zip(pks, QUEUE.command("HMGET", self.key("dead"), *pks), strict=True)) if pks else {}
        return {text(pk): letter_of(letter) for pk, letter in found.items() if letter is not None}

    def dead_count(self) -> int:
        return QUEUE.command("HLEN", self.key("dead"))

    def owed(self) -> tuple[int, float]:
        count, oldest = QUEUE.pipeline([("ZCARD", self.key("owed")), ("ZRANGE", self.key("owed"), 0, 0, "WITHSCORES")])
        if not raised(oldest):
            return 0, 0.0
        return raised(count), max(0.0, time.time() - float(oldest[0][1]) / 1_000_000)

    def written_now(self) -> set[str]:
        now = int(time.time() * 1_000_000)
        members = QUEUE.command("ZRANGE", self.key("owed"), f"({now}", "+inf", "BYSCORE")
        return {Owed(member, b"").pk for member in members}

    def waits(self, pks: Sequence[Any]) -> list[bool]:
        scores = QUEUE.pipeline([("ZSCORE", self.key("pending"), str(pk)) for pk in pks])
        return [raised(score) is not None for score in scores]

    def closed(self) -> bytes | None:
        note: bytes | None = self._current(QUEUE.command("GET", self.key("closed")))
        return note

    def close(self, note: bytes) -> bytes:
        known: bytes = self._run(_close, note)
        if known == b"DRAINING":
            raise Refused(f"The number of shards of {self.name} is being changed: finish that with `cache_shards`.")
        return known

    def end_closing(self, note: bytes, ended: bytes) -> str:
        return text(self._run(_end_closing, note, ended))

    def open(self, note: bytes) -> bool:
        return bool(self._run(_open, note))

    def _run(self, script: QueueScript, *arguments: Any) -> Any:
        try:
            return self._current(QUEUE.script(self._of(script), [self.list_key], arguments))
        except ForeignData:
            with self._naming_foreign_keys():
                raise

    def _of(self, script: QueueScript) -> Script:
        return script.shard if self.is_shard else script.whole

    def _current(self, answer: Any) -> Any:
        """Return an answer as it is. Raises Moved if it says that the queue is kept in another number of shards."""
        if is_moved(answer):
            raise Moved(f"{self.name} is not current: the number of its shards has changed, or is being changed.")
        return answer

    @contextlib.contextmanager
    def _naming_foreign_keys(self) -> Iterator[None]:
        """Say which of the keys that all rows share a script has found something foreign under, if it is one of them.

        The server itself does not say.
        """
        try:
            yield
        except ForeignData as error:
            foreign: list[str] = []
            with contextlib.suppress(Unavailable):
                foreign = self._foreign_keys()
            if not foreign:
                raise
            raise ForeignData(f"{error} It is {' and '.join(foreign)}: rename or delete that.") from error

    def _foreign_keys(self) -> list[str]:
        kinds = {self.list_key: b"list"} | {self.key(part): kind for part, kind in _KINDS.items()}
        found = map(raised, QUEUE.pipeline([("TYPE", key) for key in kinds]))
        return [
            f"{key}, a {kind.decode()} where a {kinds[key].decode()} belongs"
            for key, kind in zip(kinds, found, strict=True)
            if kind not in (b"none", kinds[key])
        ]
