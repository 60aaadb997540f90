"""Any number of keys, so many at a time: memory stays flat, and no command or statement grows too long."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db import connections

CHUNK = 1000  # keys in one round trip


def in_chunks(keys: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Yield lists of `size` keys; asks a generator for no more than it needs next."""
    rest = iter(keys)
    while chunk := list(islice(rest, size)):
        yield chunk


def keys_in_a_statement(using: str) -> int:
    """Return how many keys one statement may name: SQLite has a limit, and its library is built with one of many."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return CHUNK
    connection.ensure_connection()
    return min(CHUNK, connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
