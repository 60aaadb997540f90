"""Locking rows: a write of many locks all of them; a flush waits briefly for what somebody else has locked."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connections

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP

PATIENCE_MS = 1000  # for a locked row, where the database would wait for ever

_WAIT_BRIEFLY = f"SELECT set_config('lock_timeout', '{PATIENCE_MS}', true) WHERE current_setting('lock_timeout') = '0'"


@contextmanager
def waited_for_briefly(connection: Any, first: str = "") -> Iterator[None]:
    """Let this transaction's statements wait for a lock for so long only; elsewhere than on PostgreSQL they do anyway.

    A project's own `lock_timeout` stays. With psycopg 3 it travels with the statements and costs no round trip.

    Args:
        first: a statement of PostgreSQL's that is to be sent before them.
    """
    if connection.vendor != "postgresql":
        yield
        return
    driver = connection.connection
    pipeline = driver.pipeline() if hasattr(driver, "pipeline") else nullcontext()
    with connection.wrap_database_errors, pipeline:  # its end is where errors come out
        with driver.cursor() as cursor:
            cursor.execute(_WAIT_BRIEFLY)
            if first:
                cursor.execute(first)
        yield


def locked_rows(table: CachedTable, pks: Sequence[Any]) -> set[Any]:
    """Lock those of these rows that are free, without waiting; return the others, none where the database cannot skip.

    An UPDATE of other columns than keys gets along with those who only refer to the row, and so does this lock.
    """
    features = connections[table.using].features
    if not features.has_select_for_update_skip_locked:
        return set()
    rows = table.rows.filter(pk__in=pks).order_by().values_list("pk", flat=True)
    free = rows.select_for_update(skip_locked=True, no_key=features.has_select_for_no_key_update)
    return set(rows) - set(free)


def may_have_waited(using: str) -> bool:
    """Whether a row may have changed between being found and being locked."""
    return bool(connections[using].features.has_select_for_update)


def lock_found(table: CachedTable, found: Any, using: str) -> dict[Any, int]:
    """Lock the rows that a queryset finds until the transaction ends; return key -> stamp.

    The filter of the queryset is not looked at again: a row may have ceased to fit it while its lock was waited for.
    """
    connection = connections[using]
    pk = table.codec.pk.name
    found = found.order_by()
    if not connection.features.has_select_for_update:
        _begin_to_write(connection, table)
        return _by_key(table, found.values_list(pk, STAMP))
    rows = table.rows.filter(pk__in=found.values(pk)).order_by("pk").values_list("pk", STAMP)
    return _by_key(table, rows.select_for_update(no_key=connection.features.has_select_for_no_key_update))


def _by_key(table: CachedTable, rows: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    return {table.pk_of_row(pk): stamp for pk, stamp in rows}


def _begin_to_write(connection: Any, table: CachedTable) -> None:
    """Let SQLite's transaction begin as a writer: one that has read already is refused as soon as somebody writes."""
    quote = connection.ops.quote_name
    stamp = quote(STAMP)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {quote(table.model._meta.db_table)} SET {stamp} = {stamp} WHERE 1 = 0")
