"""Where the URL of a role leads: to one server, to a primary that sentinels name, or to a cluster.

    redis://user:password@host:6379/0             one server; valkey:// is the same, rediss:// and valkeys:// with TLS
    unix:///run/redis.sock?db=0                   one server, by its socket
    redis+sentinel://h1:26379,h2,h3/name/0        the primary that the sentinels know by this name
    redis+cluster://h1:6379,h2,h3                 a cluster, some nodes of which are named

Whatever the topology, a connection is to one server: `Target.url_of` gives its URL in the form that redis-py reads.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

Node = tuple[str, int]  # host or socket, and port
Place = tuple[str, int, int]  # the same, and the database

PORT, SENTINEL_PORT = 6379, 26379
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")  # of the sentinels, which have users of their own
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_URL = re.compile(r"([a-z]+)(?:\+([a-z]+))?://(?:([^/?]*)@)?([^/?]*)([^?]*)(?:\?(.*))?", re.DOTALL)
_NODE = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]+))?")
_NAMES_OF_THIS_HOST = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


class Topology(StrEnum):
    """What a URL leads to."""

    ONE_SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Target:
    """Where a URL leads.

    Attributes:
        topology: what it leads to.
        scheme: redis, rediss or unix, as redis-py has them.
        nodes: the server, the sentinels, or the nodes of the cluster that are asked first.
        path: what stands behind them.
        user: user and password as they stand in the URL, still encoded.
        options: what stands behind the question mark, and in the setting beside the URL.
    """

    topology: Topology
    scheme: str
    nodes: tuple[Node, ...]
    path: str
    user: str = field(repr=False)
    options: Mapping[str, str] = field(repr=False)

    @property
    def uses_tls(self) -> bool:
        return self.scheme == "rediss"

    @property
    def service(self) -> str:
        """The name by which sentinels know the primary."""
        return unquote(self.path.strip("/").partition("/")[0]) if self.topology is Topology.SENTINEL else ""

    @property
    def database(self) -> int:
        """The number of the database, 0 where none is named. Raises ValueError if it is no number."""
        written = self.options.get("db", self._number) or "0"
        if not written.isdecimal():
            raise ValueError("a database that is no number")
        return int(written)

    @property
    def names_database(self) -> bool:
        """Whether the number of the database stands in it."""
        return bool(self.options.get("db") or self._number)

    @property
    def _number(self) -> str:
        """What stands at the number's place in the path."""
        path = "" if self.scheme == "unix" else self.path.strip("/")
        return path.partition("/")[2] if self.topology is Topology.SENTINEL else path

    @property
    def places(self) -> frozenset[Place]:
        """What another URL has to name, some of it, to lead to the same database."""
        if self.scheme == "unix":
            return frozenset({(os.path.normpath(unquote(self.path)), 0, self.database)})
        by = f"{self.service} of " if self.service else ""
        return frozenset((f"{by}{_known_as(host)}", port, self.database) for host, port in self.nodes)

    def url_of(self, host: str, port: int) -> str:
        """Return the URL of one server that holds the data."""
        return self._url(self.user, host, port, self.options)

    def url_of_sentinel(self, host: str, port: int) -> str:
        """Return the URL of one sentinel: its user is not that of the servers."""
        name, password = (quote(self.options.get(option, ""), safe="") for option in SENTINEL_OPTIONS)
        tls = {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        return self._url(f"{name}:{password}" if name or password else "", host, port, tls | {"db": "0"})

    def _url(self, user: str, host: str, port: int, options: Mapping[str, str]) -> str:
        kept = {"db": str(self.database)} | {n: value for n, value in options.items() if n not in SENTINEL_OPTIONS}
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        where = self.path if self.scheme == "unix" else place
        return f"{self.scheme}://{user}{'@' * bool(user)}{where}?{urlencode(kept)}"


def target(url: str, beside: Mapping[str, Any] | None = None) -> Target:
    """Return where a URL leads; what is in its parts is looked at by `urls.problem`.

    Args:
        url: of a role.
        beside: options that count where the URL does not have them.

    Raises:
        ValueError: it is no URL of a Redis server.
    """
    scheme, topology, user, hosts, path, query = _split(url)
    written = dict(reversed(parse_qsl(query, keep_blank_values=True)))  # of two by one name, the first counts
    options = {name: str(value) for name, value in (beside or {}).items()} | written
    kind = Topology(topology or Topology.ONE_SERVER)
    port = SENTINEL_PORT if kind is Topology.SENTINEL else PORT
    nodes = tuple(_node(each, port) for each in hosts.split(","))
    return Target(kind, _SCHEMES[scheme], nodes, path, user, options)


def _split(url: str) -> tuple[str, ...]:
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    if not found or found[1] not in _SCHEMES or found[2] not in (None, "sentinel", "cluster"):
        raise ValueError("no URL of a Redis server")
    if found[1] == "unix" and found[2]:
        raise ValueError("a socket is one server")
    return found.groups(default="")


def _node(text: str, usual: int) -> Node:
    found = _NODE.fullmatch(text)
    if not found or not 0 < int(found[2] or usual) < 65536:
        raise ValueError("no port from 1 to 65535")
    return unquote(found[1].strip("[]")) or "localhost", int(found[2] or usual)


def places(url: str) -> frozenset[Place]:
    """Return what another URL has to name, some of it, to lead to the same database; nothing if it cannot be read."""
    try:
        return target(url).places
    except ValueError:
        return frozenset()


def servers(found: Iterable[Place]) -> set[Node]:
    """Return the servers of places, without the numbers of their databases."""
    return {place[:2] for place in found}


def _known_as(host: str) -> str:
    """Return one of the names of a host, the same for each spelling of it."""
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "localhost" if name in _NAMES_OF_THIS_HOST else name
    address = getattr(address, "ipv4_mapped", None) or address
    return "localhost" if address.is_loopback or address.is_unspecified else str(address)
