"""How long a database lets a statement take: none may outlive the lease or mark that covers it."""

from typing import NamedTuple

from django.db import connections


class Limit(NamedTuple):
    """A limit that a connection has.

    Attributes:
        what: may take so long.
        seconds: None for ever.
        setting: what it is called.
        where: it is set; continues "Set … to less, ".
    """

    what: str
    seconds: float | None
    setting: str
    where: str = "as in docs/installing.md"

    def said(self) -> str:
        return "as long as it likes" if self.seconds is None else f"{self.seconds:g} s"


def of(alias: str) -> list[Limit]:
    """Ask a database for its limits. Raises DatabaseError if it gives no answer."""
    ask = {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql}.get(connections[alias].vendor)
    return ask(alias) if ask else []


def _postgresql(alias: str) -> list[Limit]:
    [milliseconds] = _row(alias, "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'")
    return [Limit("a statement", int(milliseconds) / 1000 or None, "statement_timeout", _where_for(alias))]


def _where_for(alias: str) -> str:
    """A pooler in between takes no start-up options, or drops them, and a SET would end up on anybody's connection."""
    if "options" in connections[alias].settings_dict.get("OPTIONS", {}):
        return Limit._field_defaults["where"]
    role = connections[alias].settings_dict.get("USER") or "…"
    return f"for the role if PgBouncer is in between (ALTER ROLE {role} SET statement_timeout = '10s')"


def _sqlite(alias: str) -> list[Limit]:
    [milliseconds] = _row(alias, "PRAGMA busy_timeout")
    return [Limit("a wait for the lock", int(milliseconds) / 1000, "OPTIONS['timeout']")]


def _mysql(alias: str) -> list[Limit]:
    [seconds] = _row(alias, "SELECT @@innodb_lock_wait_timeout")
    options = connections[alias].settings_dict.get("OPTIONS", {})
    return [
        Limit("a wait for a lock", float(seconds), "innodb_lock_wait_timeout"),
        Limit("an answer", options.get("read_timeout"), "OPTIONS['read_timeout']"),
    ]


def _row(alias: str, statement: str) -> list[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchone())
