"""What operators ask of a queue, and do to it: how much waits, since when, what is dead, and what becomes of that."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from cachedemo.protocol.lua import queue_script
from cachedemo.protocol.waiting import letter_of, oldest_of, text
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.scripts import Script

_retry, _discard = queue_script("retry"), queue_script("discard")


class OperatedQueue(WriteQueue):
    """The part of a queue on the queue server that the protocol itself does not need."""

    def retry(self, pks: Iterable[str]) -> int:
        return self._run(_retry, *pks)

    def discard(self, pks: Iterable[str]) -> int:
        return self._run(_discard, *pks)

    def in_line(self) -> int:
        return sum(map(raised, QUEUE.pipeline([("LLEN", self.list_key), ("ZCARD", self.key("claimed"))])))

    def waiting_pks(self) -> list[str]:
        return [text(pk) for pk in QUEUE.command("ZRANGE", self.key("pending"), 0, -1)]

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

    def waits(self, pks: Sequence[Any]) -> list[bool]:
        scores = QUEUE.pipeline([("ZSCORE", self.key("pending"), str(pk)) for pk in pks])
        return [raised(score) is not None for score in scores]

    def _run(self, script: Script, *arguments: Any) -> Any:
        return QUEUE.script(script, [self.list_key], arguments)
