"""What is wrong with the near cache: whether the server lets a process listen, and this process's own trouble."""

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import tracking
from cachedemo.servers.roles import CACHE


def sentences() -> list[str]:
    """Return what keeps processes from reading copies, a sentence each; nothing where no registration has `near`."""
    if not any(cache.near for cache in registry.declared()):
        return []
    own = [listener.problem for listener in COPIES.listeners() if listener.problem]
    try:
        refused = [why for server in CACHE.servers() if (why := tracking.refusal(server))]
    except Unavailable:  # as is said elsewhere
        refused = []
    return list(dict.fromkeys([*own, *refused]))
