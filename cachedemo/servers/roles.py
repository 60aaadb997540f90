"""The two Redis servers, each behind its role: the one place that every command passes.

Every command of the package passes a method of `Role`. One server answers it itself (`server.py`); where the URL leads
to a cluster, `cluster.py` finds the server that has the key.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable, Unavailable
from cachedemo.servers import hash_slots
from cachedemo.servers.client import Client, client_for
from cachedemo.servers.cluster import Cluster
from cachedemo.servers.cluster_map import NOBODY
from cachedemo.servers.cluster_node import ClusterNode
from cachedemo.servers.scripts import Script
from cachedemo.servers.server import Server
from cachedemo.servers.targets import Node, Target, Topology, target
from cachedemo.servers.urls import address, problem, problem_of_setting

Rows = Sequence[tuple[str, Sequence[Any]]]  # keys, with the arguments of a script for each


class Role(Server):
    """The cache or the queue, wherever its URL leads: the server itself, or the cluster behind it."""

    _cluster: Cluster | None = None

    def reset(self) -> None:
        for node in self._cluster.map.nodes() if self._cluster else ():
            node.reset()
        super().reset()
        self.settings = object()  # another one whenever the settings may be others
        self._opened_for: list[Any] = []
        self.is_one = False  # whether it is known to be one server; read before every command
        self._cluster = None

    # where it is

    @property
    def url(self) -> str:
        """Where the server is. Raises Unavailable while cachedemo is switched off: it need not be set then."""
        self._refuse_if_switched_off()
        return conf.get(self.setting)

    @property
    def options(self) -> dict[str, Any]:
        """What stands beside the URL in the settings: user, password, files of TLS. None is as good as not there."""
        options: dict[str, Any] = conf.get_valid(f"{self.name.upper()}_OPTIONS")
        return {name: value for name, value in options.items() if value is not None}

    @property
    def target(self) -> Target:
        """Where the URL leads. Raises ImproperlyConfigured if it is wrong, with the fix."""
        if (wrong := self.misconfigured()) is not None:
            raise ImproperlyConfigured(wrong)
        return target(self.url, self.options)

    def misconfigured(self) -> str | None:
        """Return what is wrong with the URL or the options beside it, without the password; None if nothing is."""
        if (wrong := problem(self.url)) is not None:
            return f"CACHEDEMO['{self.setting}'] {wrong}."
        if (wrong := problem_of_setting(self.url, self.options)) is not None:
            return f"CACHEDEMO['{self.name.upper()}_OPTIONS'] {wrong}."
        return None

    @property
    def address(self) -> str:
        """Host, port and database, without the password."""
        return address(self.url) if conf.is_enabled() else "switched off"

    @property
    def is_cluster(self) -> bool:
        """Whether the URL leads to a cluster; said without asking anybody, also of a wrong URL."""
        if self.is_one or self._cluster is not None:
            return not self.is_one
        return conf.is_enabled() and f"+{Topology.CLUSTER}:" in str(conf.of_connection(self.name)[0])

    def connect(self) -> Client:
        self._opened_for = conf.of_connection(self.name)
        return client_for(self.target, self.recognised.new_greeting())

    def follow_settings(self) -> None:
        """Open a new client with the next command if the settings are not those that this one was opened for."""
        if not self._opened_for or self._opened_for != conf.of_connection(self.name):
            self.reset()

    def opened(self) -> list[Server]:
        """Return all servers that may have a client by now."""
        return [self, *(self._cluster.map.nodes() if self._cluster else ())]

    # which server it is: see `greeting.py`

    def server_of(self, key: str) -> bytes:
        """Return which server has a key now, connecting first if that was never done. Raises Unavailable."""
        if cluster := self.cluster():
            return cluster.owner(key).server()
        return self.server()

    def identity_of(self, key: str) -> bytes:
        """Return the same as far as it is known, without asking. Raises Unavailable if nobody is known to have it."""
        if cluster := self._cluster or self.cluster():
            return cluster.map.owner(hash_slots.of(key)).recognised.identity
        return self.recognised.identity

    def identities_of(self, keys: Sequence[str]) -> list[bytes]:
        """Return the same for each of many keys."""
        if cluster := self._cluster or self.cluster():
            return cluster.identities(keys)
        return [self.recognised.identity] * len(keys)

    def look_again(self) -> None:
        for server in self._cluster.map.nodes() if self._cluster else ():
            with contextlib.suppress(Unavailable):  # one that is down, or a replica now, says nothing of the others
                server.look_again()
        super().look_again()

    def cluster(self) -> Cluster | None:
        """Return the cluster that the URL leads to, None if it is one server. Raises ImproperlyConfigured."""
        if self.is_one or self._cluster is not None:
            return self._cluster
        opening = self._opening
        with opening:
            if self._cluster is None and not self.is_one:
                found, opened_for = self.target, conf.of_connection(self.name)
                is_cluster = found.topology is Topology.CLUSTER
                made = Cluster(self.name, self.unavailable, found, lambda: self.cover) if is_cluster else None
                if self._opening is not opening:  # reset meanwhile: this is where the settings before led to
                    return made
                self._cluster, self.is_one = made, not is_cluster
                self._opened_for = opened_for if is_cluster else self._opened_for
            return self._cluster

    # what is known of it without asking anybody, for an event loop

    def leads_to(self) -> Node | None:
        """Return the primary that the connections lead to, where sentinels name it; None where nobody knows now."""
        sentinels = getattr(getattr(self._client, "connection_pool", None), "sentinel_manager", None)
        return sentinels.leads_to if sentinels is not None else None

    def known_owners(self) -> Sequence[ClusterNode | None]:
        """Return the server of each hash slot of the cluster, None where nobody knows now."""
        return self._cluster.map.known_owners() if self._cluster is not None else NOBODY

    # what is asked of it; `Server` says what each does

    def command(self, *words: Any, insist: bool = False) -> Any:
        if not self.is_one and (cluster := self._cluster or self.cluster()):
            return cluster.command(words, insist=insist)
        return self._run(self._command, words, insist=insist)

    def get(self, key: str) -> Any:
        if not self.is_one and (cluster := self._cluster or self.cluster()):
            return cluster.get(key)
        return super().get(key)

    def script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], *, insist: bool = False) -> Any:
        if cluster := self.cluster():
            return cluster.script(script, keys, arguments, insist=insist)
        return super().script(script, keys, arguments, insist=insist)

    def begin_script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Callable[[], Any] | None:
        if cluster := self.cluster():
            cluster.script(script, keys, arguments, insist=True)
            return None
        return super().begin_script(script, keys, arguments)

    def script_for_each(self, script: Script, common: Sequence[Any], rows: Rows, *, insist: bool = False) -> list[Any]:
        if cluster := self.cluster():
            return cluster.script_for_each(script, common, rows, insist=insist)
        return super().script_for_each(script, common, rows, insist=insist)

    def script_and(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], command: Sequence[Any]
    ) -> tuple[Any, Any]:
        if cluster := self.cluster():
            return cluster.script_and(script, keys, arguments, command)
        return super().script_and(script, keys, arguments, command)

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        if cluster := self.cluster():
            return cluster.pipeline(commands)
        return super().pipeline(commands)

    def together(self, key: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        if cluster := self.cluster():
            return cluster.together(key, commands)
        return super().together(key, commands)

    def get_many(self, keys: Sequence[str]) -> list[Any]:
        if cluster := self.cluster():
            return cluster.get_many(keys)
        return super().get_many(keys)

    def unlink(self, keys: Sequence[str | bytes], *, insist: bool = False) -> int:
        if cluster := self.cluster():
            return cluster.unlink(keys, insist=insist)
        return super().unlink(keys, insist=insist)

    def scan(self, pattern: str, count: int, *, insist: bool = False) -> Iterator[list[bytes]]:
        if cluster := self.cluster():
            return cluster.scan(pattern, count, insist=insist)
        return super().scan(pattern, count, insist=insist)

    def servers(self) -> Sequence[Server]:
        return cluster.map.primaries() if (cluster := self.cluster()) else [self]


CACHE = Role("cache", CacheUnavailable)
QUEUE = Role("queue", QueueUnavailable)


def cache() -> redis.Redis:
    """Return the client of the cache server."""
    return CACHE.client()


def queue() -> redis.Redis:
    """Return the client of the queue server."""
    return QUEUE.client()


def reset() -> None:
    """Forget both clients: after a fork, and when the settings change."""
    CACHE.reset()
    QUEUE.reset()


def _follow_settings(*, setting: str, **_: Any) -> None:
    """`override_settings`, and whatever else says that a setting has changed, takes effect at once."""
    if setting == "CACHEDEMO":
        CACHE.follow_settings()
        QUEUE.follow_settings()


setting_changed.connect(_follow_settings, dispatch_uid="cachedemo.servers.roles")
os.register_at_fork(after_in_child=reset)
