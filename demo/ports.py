"""Addresses and ports: which are free, and which only this machine can reach."""

import contextlib
import errno
import ipaddress
import socket
from pathlib import Path

from cachedemo.embedded.server import free_port
from demo.errors import DemoFailed

LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
TRIES = 100
LAST = 65535
FIRST_CACHE_PORT = 6380  # beside a Redis of the machine's own, which has 6379
FIRST_QUEUE_PORT = 6390


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`: 127.0.0.0/8, ::1 or localhost."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def next_free(host: str, port: int) -> int:
    """Return the first port from `port` up that nobody listens on; for 0, any."""
    if not 0 <= port <= LAST:
        raise DemoFailed(f"{port} is no port: name one from 1 to {LAST} with PORT=…, or 0 for any that is free.")
    if port == 0:
        return free_port()
    for candidate in range(port, min(port + TRIES, LAST + 1)):
        if is_free(host, candidate):
            return candidate
    raise DemoFailed(f"Ports {port} to {port + TRIES - 1} of {host} are all taken: name another with PORT=…")


def is_free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise DemoFailed(_cannot_listen(host, port, error)) from error
    return True


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"Port {port} is for the administrator of this machine: name one above 1023 with PORT=…"
    return f"Nothing can listen on {host} ({error.strerror}): name an address of this machine with HOST=…"


def names_of(host: str) -> list[str]:
    """Return the names under which a browser may ask for `host`."""
    if host not in EVERYWHERE:
        return [host]
    name = socket.gethostname()
    addresses = _outgoing(socket.AF_INET, "192.0.2.1") | _outgoing(socket.AF_INET6, "2001:db8::1") | _of_the_kernel()
    with contextlib.suppress(OSError):
        addresses |= {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    return [name, *sorted(f"[{address}]" if ":" in address else address for address in addresses)]


def _outgoing(family: int, elsewhere: str) -> set[str]:
    """Return the address that this machine would send from; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((elsewhere, 9))
        return {str(probe.getsockname()[0])}
    return set()


def _of_the_kernel() -> set[str]:
    """Return the IPv4 addresses that Linux calls its own; none on other systems."""
    found, address = set[str](), ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/fib_trie").read_text().splitlines():
            word = line.split()[-1]
            if "/32 host LOCAL" in line:
                found.add(address)
            address = word
    return found - {""}


def reachable(host: str) -> str:
    """Return the address under which this machine itself reaches a server on `host`."""
    return LOOPBACK if host in EVERYWHERE else host


def url_of(host: str, port: int) -> str:
    address = reachable(host)
    return f"http://[{address.strip('[]')}]:{port}" if ":" in address else f"http://{address}:{port}"
