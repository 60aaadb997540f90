"""What a role's servers are to each other: one server, a primary with replicas, a cluster; and how far replicas lag."""

from collections.abc import Iterator, Mapping
from typing import Any

from cachedemo.exceptions import Unavailable
from cachedemo.plurals import counted
from cachedemo.servers.roles import Role
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error

_COVERAGE = (
    "One server that is down makes the whole cluster refuse commands: set `cluster-require-full-coverage no` on all of "
    "its servers."
)
_READS = (
    "A server that is cut off from its cluster goes on serving old values: set `cluster-allow-reads-when-down no` on "
    "all servers."
)


def described(role: Role) -> list[str]:
    """Return where a role is and what that is; of a cluster, a line for each primary too. Raises Unavailable."""
    servers = role.servers()
    told = [_with_replicas(server) for server in servers]
    if not role.is_cluster:
        return [f"{role.address}, {told[0]}" if told[0] else role.address]
    lines = [f"{server.address}, {each}" for server, each in zip(servers, told, strict=True)]
    return [f"{role.address}, a cluster of {counted(len(servers), 'server')} with hash slots", *lines]


def warnings(role: Role) -> list[str]:
    """Return what is wrong with a cluster's settings, each with the fix; nothing where they are not told."""
    if not role.is_cluster:
        return []
    settings = [_settings(server) for server in role.servers()]
    said = {
        _COVERAGE: any(each.get("cluster-require-full-coverage") == "yes" for each in settings),
        _READS: any(each.get("cluster-allow-reads-when-down") == "yes" for each in settings),
    }
    return [words for words, applies in said.items() if applies]


def _with_replicas(server: Server) -> str:
    try:
        info = server.command("INFO", "replication")
    except (Unavailable, Error):  # INFO is forbidden
        return ""
    kind = "primary" if info.get("role") == "master" else "replica"
    return f"{kind} with {'; '.join(_replicas(info)) or 'no replicas'}"


def _replicas(info: Mapping[str, Any]) -> Iterator[str]:
    for number in range(int(info.get("connected_slaves", 0))):
        replica = info[f"slave{number}"]
        behind = int(info["master_repl_offset"]) - int(replica["offset"])
        heard = f"heard {replica['lag']} s ago, {behind} bytes behind"
        yield f"replica {replica['ip']}:{replica['port']} {replica['state']}, {heard}"


def _settings(server: Server) -> dict[str, str]:
    try:
        found = server.command("CONFIG", "GET", "cluster-*")
    except (Unavailable, Error):  # CONFIG is often forbidden on a server that others run
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
