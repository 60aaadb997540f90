"""Which database a row is in: its alias is part of the row's identity, and of the names in both servers."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

from django.db import DEFAULT_DB_ALIAS, connections, models, router

SIGN = "@"  # between a name and the alias, in keys and in names of queues


def chosen(model: type[models.Model]) -> str:
    """Return the alias that the router picks for writes of this model now."""
    return primary(router.db_for_write(model))


def primary(alias: str) -> str:
    """Return the alias of the database that this one is a copy of, by its TEST MIRROR; else the alias itself."""
    if alias not in connections.settings:
        return alias
    mirrored: str | None = connections.settings[alias].get("TEST", {}).get("MIRROR")
    return mirrored or alias


def of_rows(model: type[models.Model], alias: str) -> str:
    """Return the alias of the database whose rows are seen by this one: where it is a replica, its primary."""
    with suppress(Exception):  # a router that must know whose request this is
        if _is_replica(model, alias, written := router.db_for_write(model)):
            return primary(written)
    return primary(alias)


def _is_replica(model: type[models.Model], alias: str, using: str) -> bool:
    """Whether the router, where it writes to `using`, reads from this alias."""
    return alias == router.db_for_read(model) and router.db_for_write(model) == using != alias


def holds_the_row(instance: Any, using: str) -> bool:
    """Say whether the row that this instance was loaded from is the one that a write to `using` changes.

    A copy in another database is another row; one that was read from a replica is not. What the router itself reads
    from, where it writes to `using`, counts as a replica.
    """
    alias = instance._state.db
    if alias is None or alias == using:
        return alias == using
    if primary(alias) == primary(using):
        return True
    return _is_replica(type(instance), alias, using)


def are_one(model: type[models.Model], alias: str | None, other: str | None) -> bool:
    """Whether both show the same rows; what was never loaded is of no row."""
    if alias == other or alias is None or other is None:
        return alias == other
    return of_rows(model, alias) == of_rows(model, other)


def named(name: str, alias: str) -> str:
    """Return a name with the alias, `user@acme`; without it for the default database."""
    return name if alias == DEFAULT_DB_ALIAS else f"{name}{SIGN}{quote(alias, safe='')}"


def split(name: str) -> tuple[str, str]:
    """Return name and alias of what `named` has made."""
    plain, sign, alias = name.partition(SIGN)
    return plain, unquote(alias) if sign else DEFAULT_DB_ALIAS
