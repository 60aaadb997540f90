"""A primary, two replicas and three sentinels of our own, for as long as a test needs them."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from cachedemo.embedded.binary import find_server
from cachedemo.embedded.server import HOST, EmbeddedServer, ends_with_this_process, free_port
from tests.helpers import until

NAME = "ours"
SENTINELS, REPLICAS = 3, 2
DOWN_AFTER = 1000  # milliseconds without an answer
# A replica that is behind by more is not promoted before the others.
_CONF = """sentinel monitor {name} {host} {port} 2
sentinel down-after-milliseconds {name} {down}
sentinel failover-timeout {name} 5000
"""


class Guarded:
    """Servers that sentinels look after."""

    def __init__(self, servers: list[EmbeddedServer], ports: list[int]) -> None:
        self.servers = servers
        self.ports = ports
        self.sentinels: list[Any] = [redis.Redis(host=HOST, port=port, socket_timeout=2) for port in ports]

    def url(self, database: int = 0) -> str:
        return f"redis+sentinel://{','.join(f'{HOST}:{port}' for port in self.ports)}/{NAME}/{database}"

    def primary(self) -> EmbeddedServer:
        """Return the server that most sentinels name."""
        named = [self._port_at(each) for each in self.sentinels]
        return next(each for each in self.servers if named.count(each.port) * 2 > len(named))

    def _port_at(self, sentinel: Any) -> int:
        return int(sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])

    def restart(self, server: EmbeddedServer) -> None:
        """Start a server that has ended: as what the sentinels take it for, as its rewritten configuration would."""
        primary = self.primary()
        server.options.pop("replicaof", None)
        if primary is not server:
            server.options["replicaof"] = f"{HOST} {primary.port}"
        server.start()

    def fail_over(self) -> bool:
        """Have a replica take the place of a primary that is well; say whether the sentinels have begun to."""
        with contextlib.suppress(redis.ResponseError):
            return bool(self.sentinels[0].execute_command("SENTINEL", "FAILOVER", NAME))
        return False

    def is_whole(self) -> bool:
        """Say whether all servers run and follow the one that all sentinels name."""
        with contextlib.suppress(redis.RedisError):
            named = {self._port_at(each) for each in self.sentinels}
            replication = {each.port: self._replication(each) for each in self.servers}
            followers = [each for each in replication.values() if each["role"] == "slave"]
            return len(followers) == REPLICAS and all(
                {each["master_port"]} == named and each["master_link_status"] == "up" for each in followers
            )
        return False

    def _replication(self, server: EmbeddedServer) -> Any:
        with redis.Redis(host=HOST, port=server.port, socket_timeout=2) as client:
            return client.info("replication")

    def is_ready(self) -> bool:
        states = [each.sentinel_master(NAME) for each in self.sentinels]
        return all(
            each["num-slaves"] == REPLICAS and each["num-other-sentinels"] == SENTINELS - 1 and each["is_master"]
            for each in states
        )


@contextlib.contextmanager
def guarded(folder: Path, role: Any = "cache", **options: str) -> Iterator[Guarded]:
    with contextlib.ExitStack() as stack:
        servers = [
            EmbeddedServer(folder / f"server{n}", role, repl_diskless_sync_delay="0", **options) for n in range(3)
        ]
        stack.enter_context(servers[0])
        for replica in servers[1:]:
            replica.options["replicaof"] = f"{HOST} {servers[0].port}"
            stack.enter_context(replica)
        ports = [_start_sentinel(stack, folder / f"sentinel{n}.conf", servers[0].port) for n in range(SENTINELS)]
        found = Guarded(servers, ports)
        until(found.is_ready, timeout=30)
        yield found


def _start_sentinel(stack: contextlib.ExitStack, conf: Path, port_of_primary: int) -> int:
    port = free_port()
    conf.write_text(f"port {port}\n" + _CONF.format(name=NAME, host=HOST, port=port_of_primary, down=DOWN_AFTER))
    process = subprocess.Popen(
        [find_server(), conf, "--sentinel"], stdout=subprocess.DEVNULL, preexec_fn=ends_with_this_process()
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    client: Any = redis.Redis(host=HOST, port=port)

    def answers() -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    until(answers)
    return port
