"""What a server's INFO means: the numbers that matter as tiles, replication and persistence in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.template.defaultfilters import filesizeformat

from cachedemo.admin.page import Tile
from cachedemo.admin.tiles import BAD, FULL, GOOD, UNKNOWN, WARN
from cachedemo.plurals import counted
from cachedemo.servers import queue_durability
from cachedemo.servers.roles import CACHE, Role
from cachedemo.templatetags.cachedemo_admin import ago, span

Info = Mapping[str, Any]  # field -> value, of all sections together

FRAGMENTED = 1.5  # times what is used that the process takes of the machine
SMALL = 32 * 2**20  # bytes below which that ratio says nothing


def tiles(role: Role, info: Info) -> list[Tile]:
    """Return a tile for each number that an operator looks at first; a server need not tell all of them."""
    return [_memory(role, info), _hit_rate(role, info), _evictions(role, info), _clients(info), _commands(info)]


def _memory(role: Role, info: Info) -> Tile:
    used, limit = info.get("used_memory"), info.get("maxmemory", 0)
    if used is None:
        return Tile("Memory", UNKNOWN, "not told")
    fragmented = used > SMALL and info.get("mem_fragmentation_ratio", 1.0) > FRAGMENTED
    more = f"; fragmented: it takes {info['mem_fragmentation_ratio']:.1f} times that" if fragmented else ""
    if not limit:
        tone = WARN if role is CACHE or fragmented else ""
        words = "no maxmemory set" if role is CACHE else "no maxmemory set: it takes what it needs and evicts nothing"
        return Tile("Memory", filesizeformat(used), words + more, tone)
    words = f"{100 * used / limit:.0f} % of {filesizeformat(limit)}, {info.get('maxmemory_policy', 'policy not told')}"
    return Tile("Memory", filesizeformat(used), words + more, WARN if fragmented or used > FULL * limit else GOOD)


def _hit_rate(role: Role, info: Info) -> Tile:
    """Of every key that anybody asked for: a lease that is taken and a slot that is looked at count too."""
    hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
    label = "Hit rate of the server"
    if not hits + misses:
        return Tile(label, UNKNOWN, "no key was asked for")
    words = f"of {hits + misses:,} look-ups since it started"
    return Tile(
        label, f"{100 * hits / (hits + misses):.0f} %", words if role is CACHE else f"{words}; says little here"
    )


def _evictions(role: Role, info: Info) -> Tile:
    evicted = info.get("evicted_keys")
    if evicted is None:
        return Tile("Evictions", UNKNOWN, "not told")
    if role is CACHE:
        return Tile("Evictions", f"{evicted:,}", "keys since it started, to make room", "" if evicted else GOOD)
    return Tile(
        "Evictions",
        f"{evicted:,}",
        "writes may be lost" if evicted else "none, as it must be",
        BAD if evicted else GOOD,
    )


def _clients(info: Info) -> Tile:
    connected, limit = info.get("connected_clients"), info.get("maxclients")
    if connected is None:
        return Tile("Clients", UNKNOWN, "not told")
    rejected = info.get("rejected_connections", 0)
    words = f"of {limit:,} at most" if limit else "connections"
    words += f"; {rejected:,} were turned away" if rejected else ""
    return Tile("Clients", f"{connected:,}", words, BAD if rejected else "")


def _commands(info: Info) -> Tile:
    rate = info.get("instantaneous_ops_per_sec")
    up = info.get("uptime_in_seconds")
    everybody = "everybody's, with what workers, beat and open pages ask by themselves"
    words = everybody if up is None else f"{everybody}; up {span(up)}"
    return Tile("Commands a second", UNKNOWN if rate is None else f"{rate:,}", words)


def sentences(role: Role, info: Info, configured: Mapping[Any, Any]) -> list[str]:
    """Return replication and persistence in words; nothing where the server does not tell."""
    return [*_replication(role, info), *_persistence(role, info, configured)]


def _replication(role: Role, info: Info) -> Iterator[str]:
    if info.get("role") == "slave":
        link = info.get("master_link_status")
        state = (
            "in step with it"
            if link == "up"
            else f"cut off from it since {span(info.get('master_link_down_since_seconds'))}"
        )
        yield f"A replica of {info.get('master_host')}:{info.get('master_port')}, {state}."
    elif info.get("role") == "master":
        replicas = [info[f"slave{i}"] for i in range(info.get("connected_slaves", 0)) if f"slave{i}" in info]
        if not replicas:
            lost = "rows are loaded anew" if role is CACHE else "so is what it holds"
            yield f"A primary without replicas: if its machine is lost, {lost}."
        for replica in replicas:
            yield f"A primary with the replica {_replica(replica, info)}."


def _replica(replica: Any, info: Info) -> str:
    if not isinstance(replica, Mapping):
        return str(replica)
    behind = max(0, info.get("master_repl_offset", 0) - replica.get("offset", 0))
    words = f"{replica.get('ip')}:{replica.get('port')}, {replica.get('state')}"
    return f"{words}, {filesizeformat(behind)} behind, heard {span(replica.get('lag', 0))} ago"


def _persistence(role: Role, info: Info, configured: Mapping[Any, Any]) -> Iterator[str]:
    if role is not CACHE:
        yield queue_durability.of_answers(info, configured).promise
    elif not info.get("aof_enabled") and not configured.get("save"):
        yield "It keeps nothing on disk and is empty after a restart, as a cache should be."
    if info.get("aof_enabled"):
        size = info.get("aof_current_size")
        state = (
            "was written well"
            if info.get("aof_last_write_status") == "ok"
            else "could not be written: look at its disk"
        )
        yield f"The append-only file {state}{f' ({filesizeformat(size)})' if size is not None else ''}."
    if configured.get("save") or info.get("rdb_last_bgsave_status") == "err":
        failed = "" if info.get("rdb_last_bgsave_status") == "ok" else " The last snapshot failed: look at its disk."
        changes = counted(info.get("rdb_changes_since_last_save", 0), "change")
        yield f"The last snapshot was {ago(info.get('rdb_last_save_time'))}, {changes} ago.{failed}"
    if info.get("loading"):
        yield "It is loading its data from disk, and answers nothing until it has."
