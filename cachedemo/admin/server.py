"""Both servers: what matters as tiles and in words, and below it what they say themselves: INFO, SLOWLOG, clients."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from cachedemo.admin import server_words
from cachedemo.admin.page import Page, Tile, ask, servers
from cachedemo.servers import cache_persistence, queue_durability
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.server import Server

SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication", "cpu", "keyspace")
SETTINGS = {
    "cache": "save",
    "queue": queue_durability.POLICY,
}  # whether it keeps what it should, and no more
SLOW_SHOWN = 20
CLIENTS_SHOWN = 50
SECRET = {"auth", "hello", "config", "acl", "migrate"}  # commands whose arguments may hold a password


@dataclass
class Slow:
    """One entry of the SLOWLOG; its arguments only for those who may see them."""

    at: int
    microseconds: int
    command: str
    arguments: str | None

    @property
    def milliseconds(self) -> str:
        return f"{self.microseconds / 1000:.1f}"


@dataclass
class ServerState:
    name: str
    address: str
    problem: str
    warnings: list[str]
    sections: list[tuple[str, list[tuple[str, Any]]]]
    slow: list[Slow]
    clients: list[dict[str, Any]]
    clients_more: int
    tiles: list[Tile] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def page(request: HttpRequest) -> Page:
    see = request.user.has_perm("cachedemo.inspect_keys")
    states = [state for role in (CACHE, QUEUE) for state in _states(role, see)]
    return Page("server", "Servers", {"servers": states, "see_arguments": see})


def _states(role: Role, see: bool) -> list[ServerState]:
    problems: list[str] = []
    found = servers(role, problems)
    return [_state(role, server, see) for server in found] or [_unknown(role, problems[0])]


def _unknown(role: Role, problem: str) -> ServerState:
    return ServerState(role.name, role.address, problem, [], [], [], [], 0)


def _state(role: Role, server: Server, see: bool) -> ServerState:
    sections = [("INFO", section) for section in SECTIONS]
    setting = ("CONFIG GET", SETTINGS[role.name])
    asked = ask(server, [*sections, setting, ("SLOWLOG GET", SLOW_SHOWN), ("CLIENT LIST",)])
    *infos, configured, slow, clients = asked.answers
    info = {name: value for section in infos for name, value in (section or {}).items()}
    return ServerState(
        name=role.name,
        address=server.address,
        problem=asked.problem,
        warnings=_warnings(role, info, configured or {}) if asked.up else [],
        sections=[(name, sorted(info.items())) for name, info in zip(SECTIONS, infos, strict=True) if info],
        slow=[_slow(entry, see) for entry in slow or []],
        clients=[_client(client) for client in (clients or [])[:CLIENTS_SHOWN]],
        clients_more=max(0, len(clients or []) - CLIENTS_SHOWN),
        tiles=server_words.tiles(role, info),
        sentences=server_words.sentences(role, info, configured or {}),
    )


def _warnings(role: Role, info: dict[str, Any], configured: dict[Any, Any]) -> list[str]:
    if role is CACHE:
        return cache_persistence.of_answers(info, configured)
    return queue_durability.of_answers(info, configured).warnings


def _slow(entry: dict[str, Any], see: bool) -> Slow:
    command, _, arguments = entry["command"].decode(errors="replace").partition(" ")
    hidden = not see or command.lower() in SECRET
    return Slow(entry["start_time"], entry["duration"], command.upper(), None if hidden else arguments)


def _client(client: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a connection; a template cannot look a name with a dash up."""
    library = f"{client.get('lib-name', '')} {client.get('lib-ver', '')}".strip()
    return {"library": library, **{name: client.get(name, "") for name in ("addr", "db", "age", "idle", "cmd")}}
