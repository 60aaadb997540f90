"""Write-behind updates of many rows: one round trip to the queue for all of them, and each is taken or refused."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable
from cachedemo.protocol import replicated
from cachedemo.protocol.lua import queue_script
from cachedemo.protocol.operated_queue import OperatedQueue
from cachedemo.protocol.row_json import encoded
from cachedemo.protocol.shards import Moved
from cachedemo.protocol.waiting import Enqueued, NotQueued, ToQueue
from cachedemo.servers.roles import QUEUE

ENQUEUE = queue_script("enqueue")


@contextmanager
def all_or_unknown(found: Collection[object]) -> Iterator[None]:
    """Let nobody believe that nothing was written, once one part of it was asked and the next gives no answer."""
    try:
        yield
    except Moved:
        raise  # all of it is asked again: to take a value twice does no harm
    except QueueUnavailable as error:
        if found:
            raise OutcomeUnknown(f"The queue may have some of the writes or not: {error}") from error
        raise


class QueuesMany(OperatedQueue):
    """The part of a queue that takes them.

    Args:
        replicas: how many replicas of the server must have what is written here before it counts.
        is_shard: whether it is one of several.
    """

    def __init__(self, name: str, replicas: int = 0, *, is_shard: bool = False) -> None:
        super().__init__(name)
        self.replicas = replicas
        self.is_shard = is_shard

    def enqueued(self, pk: Any, answer: Sequence[Any], deltas: Mapping[str, Any]) -> Enqueued:
        """Return what the queue has answered to a write that it has taken."""
        raise NotImplementedError

    def enqueue_many(
        self, rows: Sequence[ToQueue], max_pending: int, fsync_within: float | None = None
    ) -> list[Enqueued | NotQueued]:
        if QUEUE.is_cluster:  # where a step of a queue may have to be sent elsewhere, each by itself
            return self._one_by_one(rows, max_pending, fsync_within)
        wait = self._wait(fsync_within)
        try:
            answers = QUEUE.answers([*self._calls(rows, max_pending), *wait])
        except QueueUnavailable as error:
            if error.sent:
                raise OutcomeUnknown(f"The queue may have some of the writes or not: {error}") from error
            raise
        for reached in answers[len(rows) :]:
            if isinstance(reached, Exception) or not self._is_reached(reached, fsync_within):
                raise OutcomeUnknown("The queue may lose the writes; they are not acknowledged.")
        return [self._outcome(row, answer) for row, answer in zip(rows, answers, strict=False)]

    def _one_by_one(
        self, rows: Sequence[ToQueue], max_pending: int, fsync_within: float | None
    ) -> list[Enqueued | NotQueued]:
        found: list[Enqueued | NotQueued] = []
        for row in rows:
            with all_or_unknown(found):
                try:
                    found.append(self.enqueue(row.pk, row.floor, max_pending, row.values, fsync_within))
                except NotQueued as refused:
                    found.append(refused)
        return found

    def _calls(self, rows: Sequence[ToQueue], max_pending: int) -> Iterator[tuple[Any, ...]]:
        """The first call brings the script along, for a server that has not got it."""
        script = self._of(ENQUEUE)
        how = ("EVAL", script.source)
        for row in rows:
            fields = (part for name, value in row.values.items() for part in (name, encoded(value)))
            yield (*how, 1, self.list_key, str(row.pk), row.floor, max_pending, *fields)
            how = ("EVALSHA", script.digest)

    def _wait(self, fsync_within: float | None) -> list[tuple[Any, ...]]:
        """Return what asks, behind the calls and on their connection, whether they are safe."""
        if fsync_within is not None:
            return [("WAITAOF", 1, self.replicas, max(1, int(fsync_within * 1000)))]
        return [replicated.wait(self.replicas)] if self.replicas else []

    def _is_reached(self, reached: Any, fsync_within: float | None) -> bool:
        if fsync_within is None:
            return bool(reached >= self.replicas)
        return bool(reached[0] >= 1 and reached[1] >= self.replicas)

    def _outcome(self, row: ToQueue, answer: Any) -> Enqueued | NotQueued:
        if isinstance(self._current(answer), bytes):
            return NotQueued(answer.decode().lower())
        if isinstance(answer, QueueUnavailable) and answer.full:
            return NotQueued("full")
        if isinstance(answer, Exception):
            raise OutcomeUnknown(f"The queue may have some of the writes or not: {answer}") from answer
        return self.enqueued(row.pk, answer, {})
