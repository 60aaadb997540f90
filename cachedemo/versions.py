"""The versions of a registration that are live, so that every writer knows whose slots to see to."""

import json
import time
from typing import TYPE_CHECKING

from cachedemo.exceptions import VersionConflict
from cachedemo.servers import QUEUE

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache

LIVE = "live"


def announce(cache: "ModelCache") -> bytes | None:
    """Say, before anything is served, that this version is in use and which fields it has.

    Returns what the queue holds about the version, to compare with later; None if it is being retired, so that
    nothing may be filled.

    Raises:
        VersionConflict: the same number is live with other fields.
        QueueUnavailable: the queue gives no answer.
    """
    key, version = cache.queue_of_writes.key("versions"), cache.slots.version
    fields = sorted(cache.codec.fields)
    mine = json.dumps({"state": LIVE, "since": time.time(), "fields": fields})
    _, known = QUEUE.pipeline([("HSETNX", key, version, mine), ("HGET", key, version)])
    if isinstance(known, Exception):
        raise known
    record = json.loads(known)
    if record["fields"] != fields:
        raise VersionConflict(
            f"Version {version} of {cache.slots.name!r} is live with the fields {', '.join(record['fields'])}, "
            f"but this process has {', '.join(fields)}: raise `version` in its registration to "
            f"{int(version) + 1}, or delete version {version} first."
        )
    return known if record["state"] == LIVE else None


def fields_by_version(cache: "ModelCache") -> dict[str, list[str]]:
    """Return the fields of each version that is live or retiring."""
    known = QUEUE.command("HGETALL", cache.queue_of_writes.key("versions"))
    return {version.decode(): json.loads(record)["fields"] for version, record in known.items()}
