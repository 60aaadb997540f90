"""Who takes a batch: the name of this process among workers, and one for each batch that it takes."""

import os
import socket

_worker = 0  # the process id of the worker that this process, one of its pool, was forked from


def name_pool_after_this() -> None:
    """Let the processes that this worker will fork go by its own name: operators know the worker, not its pool."""
    global _worker
    _worker = os.getpid()


def host_name() -> str:
    """Return the name of this machine, as it calls itself."""
    return socket.gethostname()


def process_name() -> str:
    """Return host and process id, for example `web-1:4711`; in a worker's pool, those of the worker."""
    return f"{host_name()}:{_worker or os.getpid()}"


def batch_owner() -> str:
    """Return a name for one batch that this process takes."""
    return f"{process_name()} {os.urandom(4).hex()}"
