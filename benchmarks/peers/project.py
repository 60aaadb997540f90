"""A Django project of one peer: its settings, its table and the rows in it."""

import time
from pathlib import Path
from typing import Any

from benchmarks.peers.adapters import PEERS, Peer
from benchmarks.rows import insert

LATENCY = {"seconds": 0.0}  # that each statement takes to get to the database and back


def set_up(name: str, cache_url: str, queue_url: str, database: Path) -> Peer:
    """Set Django up for a peer, and return what reads and writes with it."""
    import django
    from django.conf import settings

    from config.database import database as sqlite

    peer = PEERS[name](cache_url, queue_url)
    settings.configure(
        SECRET_KEY="for-the-peers",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *peer.apps, "benchmarks.peers.people"],
        DATABASES={"default": sqlite(f"sqlite:///{database}", Path("/"), database.parent)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF="benchmarks.peers.web",
        USE_TZ=True,
        **peer.settings(),
    )
    django.setup()
    _take_time()
    peer.start()
    return peer


def make_table(rows: int) -> None:
    """Create the table with this many rows in it, past whatever a peer has put on the ORM."""
    from django.db import connection

    from benchmarks.peers.people.models import Person

    with connection.schema_editor() as editor:
        editor.create_model(Person)
    insert(Person, 1, rows)


def _take_time() -> None:
    """Let each statement of each connection take as long as `LATENCY` says."""
    from django.db.backends.signals import connection_created

    def wrap(connection: Any, **_: Any) -> None:
        if _wait not in connection.execute_wrappers:
            connection.execute_wrappers.append(_wait)

    connection_created.connect(wrap, weak=False)


def _wait(execute: Any, *arguments: Any) -> Any:
    if LATENCY["seconds"]:
        time.sleep(LATENCY["seconds"])
        STATEMENTS.append(arguments[0])
    return execute(*arguments)


STATEMENTS: list[str] = []  # those that have taken time
