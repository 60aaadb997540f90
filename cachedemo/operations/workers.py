"""Which workers are alive: each says so every few seconds, on the queue server, where the pages look."""

import logging
import threading
import time
from typing import Any

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import database_addresses
from cachedemo.protocol.batch_owner import process_name
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.server_errors import Error

logger = logging.getLogger(__name__)

KEY = "workers"  # sorted set, host:pid -> when it was last alive
INTERVAL = 1.5  # seconds
GONE_AFTER = 4.5  # the pages know within five seconds


def start() -> None:
    """Say from now on, until this process ends, that it is alive."""
    threading.Thread(target=_serve, name="cachedemo-worker-alive", daemon=True).start()


def _serve() -> None:
    while True:
        try:
            say()
        except (CachedemoError, Error) as error:  # shown as gone until the server answers again
            logger.debug("Could not say that this worker is alive: %s", error)
        time.sleep(INTERVAL)


def say() -> None:
    """Say that this worker is alive, and forget those that have not for long."""
    now, key = time.time(), ours(KEY)
    alive = [("ZADD", key, now, process_name()), ("ZREMRANGEBYSCORE", key, "-inf", now - 10 * GONE_AFTER)]
    QUEUE.pipeline([*alive, *database_addresses.to_say()])


def leave() -> None:
    """Say that this worker ends."""
    QUEUE.command("ZREM", ours(KEY), process_name())


def query(now: float) -> tuple[Any, ...]:
    """Return the command that asks for those alive, for somebody's pipeline."""
    return ("ZRANGEBYSCORE", ours(KEY), now - GONE_AFTER, "+inf")
