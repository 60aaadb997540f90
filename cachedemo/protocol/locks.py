"""Rows that somebody else has locked: a flush waits for them briefly, then leaves them and writes the others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connections

from cachedemo.protocol.cached_table import CachedTable

PATIENCE_MS = 1000  # for a locked row, where the database would wait for ever

_WAIT_BRIEFLY = f"SELECT set_config('lock_timeout', '{PATIENCE_MS}', true) WHERE current_setting('lock_timeout') = '0'"


@contextmanager
def waited_for_briefly(connection: Any) -> Iterator[None]:
    """Let this transaction's statements wait for a lock for so long only; elsewhere than on PostgreSQL they do anyway.

    A project's own `lock_timeout` stays. With psycopg 3 it travels with the statements and costs no round trip.
    """
    if connection.vendor != "postgresql":
        yield
        return
    driver = connection.connection
    pipeline = driver.pipeline() if hasattr(driver, "pipeline") else nullcontext()
    with connection.wrap_database_errors, pipeline:  # its end is where errors come out
        with driver.cursor() as cursor:
            cursor.execute(_WAIT_BRIEFLY)
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
