"""What the user of each kind of process must be allowed on each server: a minimal ACL, and what of it is missing.

A script that is forbidden a command halfway keeps what it has written. So a process asks before it announces itself
to a queue, and `cache_ping` asks for all kinds.
"""

from collections.abc import Iterable

from cachedemo.exceptions import QueueUnavailable, Unavailable
from cachedemo.protocol.lua import script
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.scripts import Script

WEB, WORKER, OPERATOR = "web", "worker", "operator"
KINDS = (WEB, WORKER, OPERATOR)

# HELLO and AUTH are allowed to everybody, CLIENT SETINFO may be refused; WAIT and WAITAOF are for who asks for them.
_ALWAYS = "eval evalsha info ping select"
_ON_CACHE = {
    WEB: f"{_ALWAYS} del get mget pttl scan set time unlink",
    WORKER: "memory|usage randomkey",
    OPERATOR: "client|list config|get dbsize flushdb getrange pexpire slowlog|get type",
}
_ON_QUEUE = {
    WEB: f"{_ALWAYS} del exists expire get hdel hexists hget hgetall hincrby hkeys hset hsetnx lrem rpush sadd "
    "set smembers time zadd zcard zcount zrange zrangebyscore zrem zremrangebyscore zscore",
    WORKER: "hlen hmget llen lpop lpush mget",
    OPERATOR: "client|list config|get memory|usage pttl setnx slowlog|get type",
}
_WHO = {WEB: "every process needs that", WORKER: "workers need that", OPERATOR: "operators need that"}
_rights = script("rights")


def needed(role: Role, kind: str) -> list[str]:
    """Return the commands of a kind of process, as an ACL has them, with those of the kinds before it."""
    of_role = _ON_CACHE if role is CACHE else _ON_QUEUE
    return sorted({word for each in KINDS[: KINDS.index(kind) + 1] for word in of_role[each].split()})


def missing(role: Role, key: str, commands: Iterable[str]) -> list[str]:
    """Return which of the commands the server forbids this user, for such a key. Raises Unavailable."""
    return [each.decode() for each in role.script(_rights, [key], list(commands))]


def sentences(role: Role) -> list[str]:
    """Return what the user of a role's URL may not do, kind by kind. Raises Unavailable."""
    try:
        return _sentences(role)
    except Unavailable as error:
        if not error.forbidden:
            raise
        return [str(error)]  # not even the script that asks


def _sentences(role: Role) -> list[str]:
    found, said = [], set()
    for kind in KINDS:
        forbidden = [each for each in missing(role, ours("rights"), needed(role, kind)) if each not in said]
        said.update(forbidden)
        if forbidden:
            names = ", ".join(each.upper().replace("|", " ") for each in forbidden)
            found.append(f"The {role.name} server forbids this user {names}: {_WHO[kind]}.")
    return found


def refuse_half_a_step(name: str, key: str, scripts: Iterable[Script]) -> None:
    """Raise QueueUnavailable where a script would be forbidden a command when it has written half of a step.

    Args:
        name: of the queue.
        key: one of its keys.
        scripts: whose commands are looked at.
    """
    if forbidden := missing(QUEUE, key, sorted({command for each in scripts for command in each.commands})):
        names = ", ".join(forbidden).upper()
        raise QueueUnavailable(
            f"The queue server at {QUEUE.address} ({QUEUE.setting}) forbids this user {names} for the keys of {name}, "
            f"so that a write would stop halfway: give it the rights that docs/deploying.md lists."
        )
