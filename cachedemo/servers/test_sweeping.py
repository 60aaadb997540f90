"""Removing what test runs have left on both servers: each run at its end, the next one what a killed one has left."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cachedemo.servers.roles import CACHE, QUEUE, Role

FORGOTTEN_AFTER = 86400.0  # seconds after which a run on another host counts as ended
_SWEPT = 1000  # keys looked at in one go


def new_run() -> str:
    """Return the name of a run that this process begins: where it is, its number there, and the time."""
    host = re.sub("[^a-zA-Z0-9]", "-", socket.gethostname())
    return f"{host}-{_namespace()}.{os.getpid()}.{int(time.time())}"


def _namespace() -> int:
    """Return what the numbers of processes are counted in: containers may have one host name, and each its own."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0


def sweep_dead(own: str) -> None:
    """Delete the keys of every run whose process has ended.

    Args:
        own: the run that asks.
    """
    for role in (CACHE, QUEUE):
        runs = {found[1] for key in keys(role, "test:") if (found := re.match(rb"{?test:([^:]+):", key))}
        for each in runs:
            if not _is_alive(each.decode(errors="replace"), own):
                delete(f"test:{each.decode(errors='replace')}:", [role])


def _is_alive(run: str, own: str) -> bool:
    host, _, rest = run.partition(".")
    pid, _, began = rest.partition(".")
    if not (pid.isdigit() and began.isdigit()):
        return True  # nobody's that we know
    if host != own.partition(".")[0]:
        return time.time() - int(began) < FORGOTTEN_AFTER
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def delete(prefix: str, roles: Sequence[Role] = (CACHE, QUEUE)) -> None:
    """Delete every key that begins so. Raises Unavailable."""
    for role in roles:
        found = list(keys(role, prefix))
        for start in range(0, len(found), _SWEPT):
            role.unlink(found[start : start + _SWEPT])


def keys(role: Role, prefix: str) -> Iterator[bytes]:
    """Yield every key that begins so: slots, and the keys of queues. Raises Unavailable."""
    begins = (prefix.encode(), f"{{{prefix}".encode())
    for some in role.scan(f"*{prefix}*", _SWEPT):  # in one go: a developer may have many keys, and each is looked at
        yield from (key for key in some if key.startswith(begins))
