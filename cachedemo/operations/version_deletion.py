"""Deleting a version: nobody fills it any more, its keys are deleted in batches, then it leaves the set of versions.

    begin    the version's record says retiring: its readers see that it is not what they announced, and stop filling
    run      SCAN and UNLINK in batches; the progress is on the queue server, where a cancel is seen too;
             a second time, if writers were under way at the beginning, which may have filled a slot behind the first
    the end  the record is deleted; a process that still uses the version must announce it again before it fills

A deletion that was cancelled, or whose worker died, is begun again and deletes what is left. A model without a queue
has no set of versions, so nobody is told to stop: delete only versions that no process serves any more.
"""

import json
import re
import time
from collections.abc import Callable

from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import deletion_progress, keyspace
from cachedemo.operations.deletion_progress import DONE, RUNNING, Deletion
from cachedemo.protocol import aliases, hint_slots, slot_keys
from cachedemo.protocol.versions import LIVE
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import CACHE, QUEUE

RETIRING = "retiring"
BATCH = 25  # keys looked at in one go: SCAN takes the server a microsecond a key where there are many
PAUSE = 0.0025  # seconds between two batches: a read waits for one batch at most, and most for none
REPORT_EVERY = 0.25  # seconds


class DeletionRefused(Refused):
    """Raised when a version is not deleted; the message says why."""


def prefix(cache: ModelCache, version: str) -> str:
    return cache.table.slots.prefix_of(version)


def _beginning(cache: ModelCache, version: str) -> str:
    """Return what the keys of the slots and of the hints have in common, and some others too."""
    name = cache.table.slots.name
    return prefix(cache, version).removesuffix(f"{name}:") + aliases.split(name)[0]


def count(cache: ModelCache, version: str) -> int:
    """The dry run: return how many keys a deletion would take now."""
    groups = keyspace.scan(_beginning(cache, version)).of_model(cache.table.slots.name)
    return sum(group.keys for group in groups if group.version == version)


def versions_with_keys(cache: ModelCache) -> set[str]:
    """Return the versions of a model that have keys; looks at every key."""
    return {group.version for group in keyspace.scan("v").of_model(cache.table.slots.name)}


def begin(cache: ModelCache, version: str, by: str, *, even_current: bool = False) -> Deletion:
    """Retire a version and note that its deletion is under way; `run` does the work.

    Raises:
        DeletionRefused: it is the current version without `even_current`, or it is being deleted already; or it is
            not a version at all, and keys that begin like that are somebody else's.
    """
    if not re.fullmatch(slot_keys.VERSION, version):
        raise DeletionRefused(f"{version!r} is not a version: name a number.")
    if version == cache.table.slots.version and not even_current:
        raise DeletionRefused(f"Version {prefix(cache, version)} is the current one: every read would miss.")
    before = deletion_progress.find(cache, version)
    if before and before.running:
        raise DeletionRefused(f"Version {prefix(cache, version)} is being deleted already, by {before.by}.")
    goes_on = before is not None and before.state != DONE
    deleted = before.deleted if before and goes_on else 0
    begun = before.begun if before and goes_on else time.time()
    _set_state(cache, version, RETIRING)
    if cache.table.queue.is_changing():
        _set_state(cache, version, LIVE)
        raise DeletionRefused(f"The number of shards of {cache.queue} is being changed: finish that first.")
    deletion = Deletion(RUNNING, deleted, deleted + count(cache, version), begun, time.time(), by)
    deletion_progress.begin(cache, version, deletion)
    return deletion


def run(cache: ModelCache, version: str, tell: Callable[[Deletion], None] | None = None) -> Deletion:
    """Delete the keys of a version that `begin` has retired, until there are none or somebody cancels.

    Args:
        tell: called with the progress, some times a second.

    Raises:
        CacheUnavailable, QueueUnavailable: begin again when the server is back.
    """
    writers = _under_way(cache)
    deletion = _sweep(cache, version, tell)
    if deletion.state == RUNNING and writers:
        _wait_for(cache, version, writers)
        deletion = _sweep(cache, version, tell)
    return deletion_progress.end(cache, version, deletion) if deletion.state == RUNNING else deletion


def _under_way(cache: ModelCache) -> set[bytes]:
    """Return the writers that may have got their stamp before the version was retired: they fill it once more."""
    asked = [("ZRANGE", part.key("owed"), 0, -1) for part in cache.table.queue.parts()]
    members = {member for answer in all_raised(QUEUE.pipeline(asked)) for member in answer}
    return {member for member in members if not member.endswith((b":cache", b":all"))}


def _wait_for(cache: ModelCache, version: str, writers: set[bytes]) -> None:
    """Wait until these writers are done, until they are so late that they count as dead, or until somebody cancels."""
    patience = time.monotonic() + cache.table.options.lease_timeout
    while writers & _under_way(cache) and time.monotonic() < patience:
        if deletion_progress.report(cache, version, 0).state != RUNNING:
            return
        time.sleep(REPORT_EVERY)


def _sweep(cache: ModelCache, version: str, tell: Callable[[Deletion], None] | None) -> Deletion:
    """Delete what a whole SCAN finds; stop if somebody cancels."""
    unreported, report_at, name = 0, 0.0, cache.table.slots.name
    for keys in CACHE.scan(keyspace.pattern(_beginning(cache, version)), BATCH):
        now = time.monotonic()
        unreported += CACHE.unlink(
            [key for key in keys if hint_slots.is_of(key.decode(errors="replace"), name, version)]
        )
        if now > report_at:
            deletion = _report(cache, version, unreported, tell)
            unreported, report_at = 0, now + REPORT_EVERY
            if deletion.state != RUNNING:
                return deletion
        time.sleep(PAUSE)
    return _report(cache, version, unreported, tell)


def _report(cache: ModelCache, version: str, deleted: int, tell: Callable[[Deletion], None] | None) -> Deletion:
    deletion = deletion_progress.report(cache, version, deleted)
    if tell:
        tell(deletion)
    return deletion


def cancel(cache: ModelCache, version: str) -> bool:
    """Stop a deletion; return whether one was under way. The version's remaining keys serve again."""
    deletion = deletion_progress.find(cache, version)
    if deletion is None or deletion.state != RUNNING:
        return False
    deletion_progress.cancel(cache, version)
    _set_state(cache, version, LIVE)
    return True


def _set_state(cache: ModelCache, version: str, state: str) -> None:
    for versions in [part.key("versions") for part in cache.table.queue.parts()]:
        record = QUEUE.command("HGET", versions, version)
        if record is not None:
            QUEUE.command("HSET", versions, version, json.dumps({**json.loads(record), "state": state}))
