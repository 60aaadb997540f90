"""Whether the cache server forgets its slots when it restarts, as it must.

Nobody empties the slots of a server that is down. What it comes back with from its disk may be older than writes that
were acknowledged meanwhile, and is not read (`greeting.py`): it only fills memory, and took time to write. Where the
server does not tell which one it is, it is read.
"""

from collections.abc import Mapping
from typing import Any

from cachedemo.exceptions import CacheUnavailable, Unavailable
from cachedemo.servers.roles import CACHE
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error

_OLD = "After a restart what it loads from its disk may be older than acknowledged writes, and is not read"
_NOT_TOLD = (
    "The cache server does not tell which server it is, since INFO is forbidden to this user: after a failover or a "
    "restart it may serve values that are older than acknowledged writes. Allow INFO (`+info`) in its ACL."
)


def of_cache() -> list[str]:
    """Return what keeps the cache server from forgetting, each with the fix. Raises CacheUnavailable."""
    try:
        said = [each for server in CACHE.servers() for each in of_answers(server.command("INFO"), _save(server))]
    except CacheUnavailable as error:
        if error.forbidden:
            return [_NOT_TOLD]
        raise
    return list(dict.fromkeys(said))  # the servers of a cluster are often configured alike


def of_answers(info: Mapping[str, Any], save: Mapping[Any, Any]) -> list[str]:
    """Return the same from the server's answers to INFO and CONFIG GET save."""
    warnings = []
    if info.get("aof_enabled"):
        warnings.append(f"The cache server has an append-only file. {_OLD}: set `appendonly no` on it.")
    if points := _text(save):
        warnings.append(f'The cache server makes snapshots (save {points}). {_OLD}: set `save ""` on it.')
    if loaded := info.get("rdb_last_load_keys_loaded"):
        warnings.append(
            f"The cache server has loaded {loaded} keys from a dump file when it started. They may be old, and are "
            "not read: delete that file, so that it is not loaded again."
        )
    return warnings


def _save(server: Server) -> Mapping[Any, Any]:
    try:
        return server.command("CONFIG", "GET", "save")
    except (Unavailable, Error):  # CONFIG is often forbidden on a server that others run
        return {}


def _text(save: Mapping[Any, Any]) -> str:
    points = save.get("save") or save.get(b"save") or ""
    return points.decode() if isinstance(points, bytes) else str(points)
