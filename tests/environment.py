"""The servers and the environment that the whole suite runs in; made before Django reads its settings."""

import os
import shutil
import tempfile
from pathlib import Path

from cachedemo.embedded.pair import EmbeddedPair
from tests.clusters import Cluster
from tests.faults.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent


def documented_settings() -> dict[str, str]:
    """Return the settings of `.env.example`, so that nothing a developer has set reaches the tests."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Environment:
    """A cache server, a queue server and a folder of their own, named in `os.environ` for us and our children.

    The database is a SQLite file, or a PostgreSQL of their own after `use_postgresql`.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cachedemo-tests-"))
        self._servers = EmbeddedPair(self.folder)
        self.cache, self.queue = self._servers.cache, self._servers.queue
        self.postgres: Postgres | None = None
        self.clusters: dict[str, Cluster] = {}

    def use_postgresql(self) -> None:
        self.folder.chmod(0o755)  # root may not run it, and another account must get there
        self.postgres = Postgres(self.folder / "postgres")

    def use_clusters(self) -> None:
        """Have a cluster for the cache and one for the queue; the broker stays on a server."""
        self.clusters = {
            "CACHEDEMO_CACHE_URL": Cluster(self.folder / "cache-cluster", role="cache"),
            "CACHEDEMO_QUEUE_URL": Cluster(self.folder / "queue-cluster", role="queue"),
        }

    def start(self) -> None:
        self._servers.start()
        for cluster in self.clusters.values():
            cluster.start()
        if self.postgres:
            self.postgres.start()

    @property
    def database_url(self) -> str:
        return self.postgres.url() if self.postgres else f"sqlite:///{self.folder}/db.sqlite3"

    def announce(self) -> None:
        """Set every setting: the cache in database 0, the queue in 1 and the broker in 2 of the second server."""
        os.environ.update(documented_settings())
        os.environ.update(
            self._servers.environment,
            DJANGO_SETTINGS_MODULE="tests.settings",
            SECRET_KEY="for-tests-only",
            DEBUG="False",
            DATABASE_URL=self.database_url,
            CACHEDEMO_VAR=str(self.folder / "var"),
            LOG_LEVEL="INFO",
        )
        os.environ.update({name: cluster.url for name, cluster in self.clusters.items()})

    def stop(self) -> None:
        for cluster in self.clusters.values():
            cluster.stop()
        self._servers.stop()
        if self.postgres:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
