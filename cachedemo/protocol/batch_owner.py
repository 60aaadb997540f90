"""Who takes a batch: the name of this process among workers, and one for each batch that it takes."""

import os
import socket


def host_name() -> str:
    """Return the name of this machine, as it calls itself."""
    return socket.gethostname()


def process_name() -> str:
    """Return host and process id, for example `web-1:4711`."""
    return f"{host_name()}:{os.getpid()}"


def batch_owner() -> str:
    """Return a name for one batch that this process takes."""
    return f"{process_name()} {os.urandom(4).hex()}"
