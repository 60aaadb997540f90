"""The article's sanity check, for both roles: does the server answer, and can it be written to?"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from cachedemo import conf, registry
from cachedemo.exceptions import Unavailable
from cachedemo.operations import forsaken_queues, near_state, shard_change, stopped_flushing, switch, unwaited_replicas
from cachedemo.protocol import database_addresses, rights
from cachedemo.servers import cache_persistence, queue_durability, test_runs, topologies
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE, Role

_PROBE = "ping"
_PROBE_MS = 1000


def problem(role: Role) -> str | None:
    """Return what is wrong with a server and how to fix it, in a sentence; None if nothing is."""
    if not conf.is_enabled():
        return f"The {role.name} server is not asked: CACHEDEMO['ENABLED'] is False."
    try:
        for server in role.servers():
            server.command("PING")
        role.command("SET", ours(_PROBE), "1", "PX", _PROBE_MS)
    except Unavailable as error:
        return f"{error}{_memory(role)}"
    except ImproperlyConfigured as error:
        return str(error)
    return None


def warnings(role: Role) -> list[str]:
    """Return where a server that answers keeps less, or more, than it should, and which queues cannot be flushed."""
    test_runs.use_all_servers()
    if role is QUEUE:
        found = [
            *queue_durability.of_queue().warnings,
            *unwaited_replicas.sentences(),
            *stopped_flushing.sentences(),
            *switch.sentences(),
            *shard_change.sentences(registry.with_queue()),
            *database_addresses.sentences(),
            *forsaken_queues.sentences(),
        ]
    else:
        found = [*cache_persistence.of_cache(), *near_state.sentences()]
    return [*found, *rights.sentences(role), *topologies.warnings(role)]


def _memory(role: Role) -> str:
    """Name the limit and the policy where there is one; a full server still answers INFO."""
    try:
        told = [server.command("INFO", "memory") for server in role.servers()]
    except Unavailable:
        return ""
    return "".join(map(_fullness, told))


def _fullness(memory: dict[str, Any]) -> str:
    if not memory["maxmemory"] or memory["used_memory"] < memory["maxmemory"]:
        return ""
    return (
        f" It uses {memory['used_memory_human']} of maxmemory {memory['maxmemory_human']}"
        f" with maxmemory-policy {memory['maxmemory_policy']}."
    )
