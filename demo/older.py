"""A folder that another release of the demo has left: what in it stands in the way is begun anew, and said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError
from django.db.migrations.exceptions import BadMigrationError, InconsistentMigrationHistory

from cachedemo import registry
from cachedemo.protocol import versions
from cachedemo.servers.roles import QUEUE
from demo.errors import DemoFailed


def begin_anew(say: Callable[[str], None], var: Path, both_ours: bool) -> None:
    """Forget each version that another release has announced with other fields: none of its processes is left.

    Args:
        both_ours: whether cache and queue are the demo's own, where nobody else can serve that version.

    Raises:
        DemoFailed: they are not, so the sentence says what to do.
    """
    for cache in registry.known():
        why = versions.conflict(cache.table)
        if why is None:
            continue
        if not both_ours:
            raise DemoFailed(f"{why} manage.py cache_delete_version does that, once nobody else serves it.")
        QUEUE.command("HDEL", cache.table.queue.key("versions"), cache.table.slots.version)
        say(f"{var} is that of another release: its cache begins anew, and what waits in its queue is flushed.")


@contextmanager
def migrated(var: Path) -> Iterator[None]:
    """Turn what a database of another release does to `migrate` into a sentence with a way out."""
    try:
        yield
    except (BadMigrationError, InconsistentMigrationHistory, DatabaseError) as error:
        raise DemoFailed(
            f"The database in {var} cannot be migrated: {error}. It may be that of another release: rename the folder, "
            f"or name another one with CACHEDEMO_VAR=…; the demo then starts with a new one."
        ) from error
