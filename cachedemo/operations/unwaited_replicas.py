"""Which queues have replicas that no write waits for: a failover to one loses what it had not received yet."""

from collections.abc import Iterable, Mapping
from typing import Any

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.plurals import counted
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.server_errors import Error


def sentences() -> list[str]:
    """Ask the queue's servers for their replicas; return what is wrong, with the fix. Raises QueueUnavailable."""
    return of_answers(map(_info, QUEUE.servers())) if _not_waiting() else []


def of_answers(infos: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the same from what each server answers to INFO."""
    names, counts = _not_waiting(), [int(info.get("connected_slaves", 0)) for info in infos]
    if not any(counts) or not names:
        return []
    return [
        f"The queue has {counted(sum(counts), 'replica')}, and {', '.join(names)} waits for none: a failover loses "
        f"acknowledged writes that the promoted one has not received. If that matters, set `replicas = {max(counts)}` "
        "in the registration, so that a write is acknowledged once all of them have it."
    ]


def _not_waiting() -> list[str]:
    return [str(cache.queue) for cache in registry.declared() if cache.queue and not cache.replicas]


def _info(server: Any) -> Mapping[str, Any]:
    try:
        info: Mapping[str, Any] = server.command("INFO", "replication")
    except (Unavailable, Error):  # INFO is forbidden
        return {}
    return info
