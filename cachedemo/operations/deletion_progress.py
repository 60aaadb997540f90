"""The progress of a version's deletion: kept on the queue server, where the worker, the page and a cancel all see it.

`{queue}:deletion:<version>` is a hash: state, deleted, total, begun, updated, by.
"""

import time
from typing import Any, NamedTuple

from cachedemo.model_cache import ModelCache
from cachedemo.operations import keyspace
from cachedemo.protocol.lua import script
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import QUEUE

_end_deletion = script("end_deletion")

RUNNING, CANCELLED, DONE = "running", "cancelled", "done"
STALLED_AFTER = 15.0  # seconds without a report from the worker


class Deletion(NamedTuple):
    """The progress of one deletion. Times in seconds since the epoch."""

    state: str
    deleted: int
    total: int
    begun: float
    updated: float
    by: str

    @property
    def stalled(self) -> bool:
        return self.state == RUNNING and abs(time.time() - self.updated) > STALLED_AFTER  # a clock may be set back

    @property
    def running(self) -> bool:
        return self.state == RUNNING and not self.stalled

    @property
    def percent(self) -> int:
        return 100 if self.state == DONE else min(99, 100 * self.deleted // max(1, self.total))

    @property
    def seconds(self) -> float:
        return self.updated - self.begun


def key(cache: ModelCache, version: str) -> str:
    return cache.table.queue.key(f"deletion:{version}")


def find(cache: ModelCache, version: str) -> Deletion | None:
    """Return the progress of the last deletion of a version, None if there was none."""
    return parse(QUEUE.command("HGETALL", key(cache, version)))


def parse(answer: Any) -> Deletion | None:
    """Return the deletion that HGETALL answered with."""
    if isinstance(answer, Exception) or b"state" not in answer:
        return None
    raw = {name.decode(): value.decode() for name, value in answer.items()}
    return Deletion(
        state=raw["state"],
        deleted=int(raw.get("deleted", 0)),
        total=int(raw.get("total", 0)),
        begun=float(raw.get("begun", 0)),
        updated=float(raw.get("updated", 0)),
        by=raw.get("by", ""),
    )


def begin(cache: ModelCache, version: str, deletion: Deletion) -> None:
    """Record that a deletion is under way, in place of an earlier one."""
    name = key(cache, version)
    fields = [part for pair in deletion._asdict().items() for part in pair]
    all_raised(QUEUE.pipeline([("DEL", name), ("HSET", name, *fields)]))


def report(cache: ModelCache, version: str, deleted: int) -> Deletion:
    """Add to the number of deleted keys; the answer says whether somebody has cancelled."""
    name = key(cache, version)
    answers = QUEUE.pipeline(
        [("HINCRBY", name, "deleted", deleted), ("HSET", name, "updated", time.time()), ("HGETALL", name)]
    )
    deletion = parse(all_raised(answers)[-1])
    return deletion or Deletion(CANCELLED, deleted, deleted, time.time(), time.time(), "")


def cancel(cache: ModelCache, version: str) -> None:
    QUEUE.command("HSET", key(cache, version), "state", CANCELLED)


def end(cache: ModelCache, version: str, deletion: Deletion) -> Deletion:
    """Take the version out of the set, unless somebody has cancelled, or begun anew, at the last moment.

    The shards of a queue follow: there nothing is announced meanwhile, since the version still is retiring.
    """
    keys = [cache.table.queue.key("versions"), key(cache, version)]
    ended = QUEUE.script(_end_deletion, keys, [version, deletion.begun, time.time(), keyspace.KEPT])
    others = [part.key("versions") for part in cache.table.queue.parts()]
    if ended and others != keys[:1]:
        all_raised(QUEUE.pipeline([("HDEL", versions, version) for versions in others]))
    return find(cache, version) or deletion
