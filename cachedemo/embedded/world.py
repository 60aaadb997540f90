"""A world of its own for one process, such as the lab's and the benchmarks': servers, a database file, settings."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Self

from cachedemo.embedded.held_files import hold, is_held
from cachedemo.embedded.pair import EmbeddedPair

IN_USE = "in-use"  # the file in its folder that a world holds

# Of the example project: nothing that a developer has set for it reaches a world of its own.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "for-a-world-of-its-own",
    "DEBUG": "False",
    "OPEN_ACCESS": "False",
    "DATABASE_URL": "",
    "SOURCE_LATENCY_MS": "0",
    "CACHEDEMO_STRICT_READS": "True",
    "CACHEDEMO_READ_ONLY": "False",
}


class PrivateWorld:
    """A pair of servers and a database file in a folder that is gone when it is over, and Django set up on them.

    To be entered before Django reads its settings, by the main thread of a process of its own. `settings` are
    environment variables besides. The folder is where `TMPDIR` says; what worlds of this name have left there that were
    killed goes with it.
    """

    def __init__(self, name: str, **settings: str) -> None:
        prefix = f"cachedemo-{name}-"
        _remove_abandoned(prefix)
        self._folder = tempfile.TemporaryDirectory(prefix=prefix)
        self.folder = Path(self._folder.name)
        self._held = hold(self.folder / IN_USE)
        self._servers = EmbeddedPair(self.folder)
        self.cache, self.queue = self._servers.cache, self._servers.queue
        self._settings = SETTINGS | {"CACHEDEMO_VAR": str(self.folder / "var")} | settings

    def __enter__(self) -> Self:
        self._servers.start()
        os.environ.update(self._servers.environment, **self._settings)
        import django

        django.setup()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.stop()
        self._folder.cleanup()
        self._held.close()


def _remove_abandoned(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if (folder / IN_USE).exists() and not is_held(folder / IN_USE):
            shutil.rmtree(folder, ignore_errors=True)
