"""Which databases have cached rows of which model: noted on the queue server by whoever is the first to cache one.

Where a router picks a database for each tenant, a worker learns here whose queues there are. A set,
`{cachedemo}:tables`, of `app.Model@alias`; the default database is in it too. Beside it stands `{cachedemo}:closed`, a
hash of `app.Model`: an operator has switched off all tables of that model, those too that are not announced yet.
`{cachedemo}:queues`, a set of queue and `app.Model@alias`, is for who looks for queues that no registration has now.
"""

from cachedemo import conf
from cachedemo.protocol import database_addresses
from cachedemo.protocol.aliases import named, split
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.lua import script
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE

KEY, CLOSED, QUEUES = "tables", "closed", "queues"

_announce_table, _open_tables = script("announce_table"), script("open_tables")


def announce(table: CachedTable) -> bytes | None:
    """Note that rows of this table are cached; return the note of who has switched the model off, if somebody has.

    Raises QueueUnavailable.
    """
    label = table.model._meta.label
    keys, of_table = [ours(KEY), ours(CLOSED), ours(QUEUES)], named(label, table.using)
    note: bytes | None = QUEUE.script(_announce_table, keys, [of_table, label, table.queue.name])
    database_addresses.say(table.using)
    return note


def queues() -> dict[str, str]:
    """Return which queues there are, or were: name -> `app.Model@alias`. Raises QueueUnavailable."""
    return dict(each.decode().rsplit(" ", 1) for each in sorted(QUEUE.command("SMEMBERS", ours(QUEUES))))


def close(label: str, note: bytes) -> None:
    """Note that a model is switched off, for tables that nobody has announced yet."""
    QUEUE.command("HSET", ours(CLOSED), label, note)


def closed(label: str) -> bytes | None:
    """Return the note of who has switched the model off, None if nobody has."""
    note: bytes | None = QUEUE.command("HGET", ours(CLOSED), label)
    return note


def open_again(label: str, note: bytes | None) -> bool:
    """Take this note away; return False if somebody has left another since."""
    return bool(QUEUE.script(_open_tables, [ours(CLOSED)], [label, note or b""]))


def aliases() -> dict[str, set[str]]:
    """Return what is noted: label of a model -> aliases. Raises QueueUnavailable."""
    known: dict[str, set[str]] = {}
    if not conf.is_enabled():
        return known
    for name in QUEUE.command("SMEMBERS", ours(KEY)):
        label, alias = split(name.decode())
        known.setdefault(label, set()).add(alias)
    return known
