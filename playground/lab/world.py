"""The private world of one run: two servers, a database file, throwaway rows; all gone when it is over."""

from typing import Any, Self

from cachedemo.embedded.world import PrivateWorld

ROWS = 60
CLAIM_DEADLINE = 0.5  # seconds instead of 30, so that nobody has to wait for a dead flusher's rows


class World(PrivateWorld):
    """To be entered before Django reads its settings, by the main thread of a process of its own."""

    def __init__(self) -> None:
        super().__init__("lab", LOG_LEVEL="ERROR")

    def __enter__(self) -> Self:
        super().__enter__()
        self._make_rows()
        return self

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
        from django.db import models

        from cachedemo import registry
        from cachedemo.operations import startup
        from cachedemo.servers import roles
        from playground import scripts_ready
        from users.models import User

        self.cache.start()
        roles.reset()
        for role in (roles.CACHE, roles.QUEUE):
            role.command("FLUSHDB")
        models.QuerySet(User).update(name="old", cache_stamp=0)
        registry.forget_announcements()
        startup.announce_all()
        scripts_ready.load()
