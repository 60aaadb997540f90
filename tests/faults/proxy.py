"""A TCP proxy on loopback that can be a bad network: slow, cut, or silent once the request has been sent.

A fault may wait for its moment: with `when=b"COMMIT"` only requests that contain these bytes meet it.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

HOST = "127.0.0.1"
PIECE = 65536
LINGER_RESET = struct.pack("ii", 1, 0)  # close() sends RST, as a machine does that has lost its memory


class Proxy:
    """Forwards to `port` of this machine.

    Faults: "" (none), "latency" (`delay` seconds before each piece), "reset" (cut, the request is not delivered),
    "reset after" (cut once the request is delivered, before its answer), "black hole" (the request is delivered, no
    answer ever comes back), "hold" (the request is delivered `delay` seconds late, and its answer lost).
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.fault, self.when, self.delay, self.times = "", b"", 0.0, 0
        self.skip = self.held = 0
        self.struck = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[_Connection] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, fault: str, when: bytes = b"", delay: float = 0.0, times: int = 1_000_000, skip: int = 0) -> None:
        """Begin a fault with the next request that contains `when`, for so many of them, after some that pass."""
        self.struck.clear()
        self.skip = skip
        self.fault, self.when, self.delay, self.times = fault, when, delay, times

    def end(self) -> None:
        """A good network again; connections that a black hole has swallowed are cut."""
        self.fault = ""
        for connection in self._connections:
            if connection.swallowed:
                connection.cut()

    def lead_to(self, port: int) -> None:
        """Forward to another server from now on, as an address does that a failover has moved: all connections end."""
        self.target = port
        for connection in self._connections:
            connection.cut()

    def close(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.cut()

    def strikes(self, request: bytes) -> str:
        """Return the fault that this request meets."""
        if not self.fault or self.when not in request or self.times <= 0:
            return ""
        if self.skip > 0:
            self.skip -= 1
            return ""
        self.times -= 1
        self.struck.set()
        return self.fault

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with contextlib.suppress(OSError):
                    self._connections = [each for each in self._connections if not each.is_cut]
                    self._connections.append(_Connection(self, client))


class _Connection:
    """One client's connection and ours to the server, a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client
        self.is_cut = self.swallowed = False
        try:
            self.server = socket.create_connection((HOST, proxy.target), timeout=5)
        except OSError:
            _close(client)
            raise
        for one in (client, self.server):
            one.settimeout(None)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._forward, args=(self._requests,), daemon=True).start()
        threading.Thread(target=self._forward, args=(self._answers,), daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        _close(self.client)
        _close(self.server)

    def _forward(self, direction: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            direction()
        if not self.swallowed:
            self.cut()

    def _requests(self) -> None:
        while request := self.client.recv(PIECE):
            fault = self.proxy.strikes(request)
            if fault == "reset":
                return
            if fault == "hold":
                self._deliver_late(request)
                continue
            if fault in ("black hole", "reset after"):
                self.swallowed = True
            if fault == "latency":
                time.sleep(self.proxy.delay)
            self.server.sendall(request)
            if fault == "reset after":
                time.sleep(0.05)  # the server has taken it before it sees the connection end
                self.cut()

    def _deliver_late(self, request: bytes) -> None:
        """The client may give up and go; what it sent is under way all the same."""
        self.swallowed = True
        self.proxy.held += 1
        time.sleep(self.proxy.delay)
        self.server.sendall(request)
        time.sleep(0.05)
        self.proxy.held -= 1

    def _answers(self) -> None:
        while answer := self.server.recv(PIECE):
            if not self.swallowed:
                self.client.sendall(answer)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
    end.close()
