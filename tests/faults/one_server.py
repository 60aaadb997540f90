"""The faults of a role that one server has, behind a network of its own."""

from collections.abc import Callable
from pathlib import Path

from cachedemo.embedded.server import EmbeddedServer
from tests.faults import injectors
from tests.faults.disk import Disk
from tests.faults.moments import Fault, Moments
from tests.faults.proxy import HOST, Proxy

DATABASES = {"cache": 0, "queue": 1}


class OneServer:
    """The cache or the queue, with a proxy before it."""

    replicas = 0  # that a write of the queue must wait for

    def __init__(self, role: str, server: EmbeddedServer) -> None:
        self.role = role
        self.server = server
        self.network = Proxy(server.port)

    def close(self) -> None:
        self.network.close()

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.network.port}/{DATABASES[self.role]}"

    def faults(self, moments: Moments) -> dict[str, Fault]:
        """Return what can happen to it, by name."""
        server, network = self.server, self.network

        def bad(fault: str) -> Callable[[], None]:
            return lambda: injectors.bad_network(network, fault, moments.a_while)

        found = {
            "killed": Fault(lambda: injectors.kill(server, moments.a_while)),
            "paused": Fault(lambda: injectors.pause(server, moments.a_while), parts=True),
            "SCRIPT FLUSH in a loop": Fault(lambda: injectors.forget_scripts(server, moments.a_moment)),
            "slow network": Fault(bad("latency")),
            "connections cut": Fault(bad("reset"), parts=True),
            "answers cut off": Fault(bad("reset after"), parts=True),
            "black hole": Fault(bad("black hole"), parts=True),
        }
        if self.role == "queue":
            held = lambda: injectors.bad_network(network, "hold", moments.a_while, delay=2.0, times=3)  # noqa: E731
            return found | {"requests held up": Fault(held)}
        return found | {
            "FLUSHDB in a loop": Fault(lambda: injectors.flush_database(server, moments.a_moment)),
            "eviction storm": Fault(lambda: injectors.evict(server, moments.a_moment)),
        }

    def kills(self, moments: Moments) -> list[Callable[[], object]]:
        return [lambda: injectors.kill(self.server, moments.a_moment)]


class OnItsOwnDisk:
    """A queue server on a disk that keeps only what was synced, for a part of a run that kills it often."""

    replicas = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._disk = Disk(folder, "always", delay_ms=1)
        self._disk.start()

    def close(self) -> None:
        self._disk.stop()

    @property
    def url(self) -> str:
        return self._disk.server.url(1)

    def kills(self, moments: Moments) -> list[Callable[[], object]]:
        return [lambda: self._back_after(self._disk.kill), lambda: self._back_after(self._disk.cut_power)]

    def _back_after(self, end: Callable[[], object]) -> None:
        end()
        self._disk.start()
