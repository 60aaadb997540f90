"""The private world of one run: two servers, a database file, throwaway rows; all gone when it is over."""

import os
import tempfile
from pathlib import Path
from typing import Any, Self

from cachedemo.embedded.pair import EmbeddedPair

ROWS = 60
CLAIM_DEADLINE = 0.5  # seconds instead of 30, so that nobody has to wait for a dead flusher's rows


class World:
    """To be entered before Django reads its settings, by the main thread of a process of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cachedemo-lab-")
        folder = Path(self._folder.name)
        self._servers = EmbeddedPair(folder)
        self.cache = self._servers.cache
        self._var = folder / "var"

    def __enter__(self) -> Self:
        self._servers.start()
        self._set_up_django()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.stop()
        self._folder.cleanup()

    def _set_up_django(self) -> None:
        os.environ.update(
            self._servers.environment,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="for-the-lab",
            DEBUG="False",
            OPEN_ACCESS="False",
            DATABASE_URL="",
            SOURCE_LATENCY_MS="0",
            LOG_LEVEL="ERROR",
            CACHEDEMO_STRICT_READS="True",
            CACHEDEMO_READ_ONLY="False",
            CACHEDEMO_VAR=str(self._var),
        )
        import django

        django.setup()
        self._make_rows()

    def _make_rows(self) -> None:
        from django.db import connection

        from cachedemo import cache_for
        from cachedemo.protocol import wake
        from users.models import User

        users = cache_for(User)
        wake.ask_with(lambda queue: None)  # no worker serves this queue: the experiments flush it themselves
        with connection.schema_editor() as editor:
            editor.create_model(User)
        User.objects.bulk_create(User(pk=pk, name="old", email=f"user{pk}@example.com") for pk in range(1, ROWS + 1))
        users.table.options.claim_deadline = CLAIM_DEADLINE
        self._load_scripts(users)

    def _load_scripts(self, users: Any) -> None:
        """Take every step once, on the last row, so that no story begins with how a script is sent."""
        for pattern in ("cache-aside", "write-through", "write-behind"):
            users.read(ROWS)
            users.via(pattern).update(ROWS, name="warm")
        users.flush()

    def start_again(self) -> None:
        """Empty both servers, make every row old again, and let everybody forget what they knew."""
        from cachedemo import registry
        from cachedemo.servers import roles
        from users.models import User

        self.cache.start()
        roles.reset()
        for role in (roles.CACHE, roles.QUEUE):
            role.command("FLUSHDB")
        User.objects.update(name="old", cache_stamp=0)
        registry.forget_announcements()
        registry.announce_all()
