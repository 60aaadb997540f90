"""Whether the cache server forgets its slots when it restarts, as it must.

Nobody empties the slots of a server that is down. If it comes back with what it had on disk, it serves values that are
older than writes acknowledged meanwhile, until they expire.
"""

from collections.abc import Mapping
from typing import Any

from cachedemo.exceptions import Unavailable
from cachedemo.servers.roles import CACHE
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error

_OLD = "After a restart it serves values from its disk, which may be older than acknowledged writes"


def of_cache() -> list[str]:
    """Return what keeps the cache server from forgetting, each with the fix. Raises CacheUnavailable."""
    said = [each for server in CACHE.servers() for each in of_answers(server.command("INFO"), _save(server))]
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
            f"The cache server has loaded {loaded} keys from a dump file when it started. They may be old until they "
            "expire: delete that file, so that it is not loaded again."
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
