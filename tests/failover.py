"""A cache that fails over behind one address, to a replica that lacks what came after a moment of the test's choice.

replica.receives()    it has what the primary has now, and nothing that comes later
replica.takes_over()  the address leads to it
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from cachedemo.embedded.server import HOST, EmbeddedServer
from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers import roles
from tests.faults.proxy import Proxy
from tests.helpers import until
from tests.servers import asked_again


class Replica:
    """The replica of a primary, and the address that both have in turn."""

    def __init__(self, primary: EmbeddedServer, server: EmbeddedServer, address: Proxy) -> None:
        self.primary: Any = redis.Redis.from_url(primary.url())
        self.client: Any = redis.Redis.from_url(server.url())
        self._server, self._address = server, address
        self.address_of_its_own = HOST, server.port
        self.client.replicaof(HOST, primary.port)
        until(lambda: self.client.info("replication")["master_link_status"] == "up")

    def receives(self) -> None:
        """It is promoted here and now, and nobody knows of it yet."""
        sent = self.primary.info("replication")["master_repl_offset"]
        until(lambda: self.client.info("replication")["slave_repl_offset"] >= sent)
        self.client.replicaof("NO", "ONE")

    def takes_over(self) -> None:
        self._address.lead_to(self._server.port)
        with contextlib.suppress(CacheUnavailable):
            roles.CACHE.command("PING")  # it finds that its connection has ended
        asked_again(roles.CACHE)


@contextmanager
def cache_with_replica(settings: Any, folder: Path) -> Iterator[Replica]:
    """Let the cache be a primary with a replica behind a proxy."""
    at_once = {"repl_diskless_sync_delay": "0"}
    with (
        EmbeddedServer(folder / "a", **at_once) as primary,
        EmbeddedServer(folder / "b") as server,
        Proxy(primary.port) as address,
    ):
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis://{HOST}:{address.port}/0"}
        replica = Replica(primary, server, address)
        roles.reset()
        try:
            yield replica
        finally:
            roles.reset()
