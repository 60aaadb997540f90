"""The servers and the environment that the whole suite runs in; made before Django reads its settings."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from cachedemo.embedded.pair import EmbeddedPair
from tests.clusters import Cluster
from tests.faults.postgres import Postgres
from tests.mariadb import MariaDB
from tests.pgbouncer import PgBouncer
from tests.sentinels import Guarded, guarded

ROOT = Path(__file__).resolve().parent.parent


def documented_settings() -> dict[str, str]:
    """Return the settings of `.env.example`, so that nothing a developer has set reaches the tests."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Environment:
    """A cache server, a queue server and a folder of their own, named in `os.environ` for us and our children.

    The database is a SQLite file, or a server of their own after `use_postgresql` or `use_mariadb`.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cachedemo-tests-"))
        self._servers = EmbeddedPair(self.folder)
        self.cache, self.queue = self._servers.cache, self._servers.queue
        self.postgres: Postgres | None = None
        self.pgbouncer: PgBouncer | None = None
        self.mariadb: MariaDB | None = None
        self.pool = ""
        self.clusters: dict[str, Cluster] = {}  # of each role
        self.guarded: dict[str, Guarded] = {}
        self._sentinels = False
        self._at_the_end = contextlib.ExitStack()

    def use_postgresql(self, isolation_level: str = "read committed") -> None:
        self.folder.chmod(0o755)  # root may not run it, and another account must get there
        self.postgres = Postgres(self.folder / "postgres", default_transaction_isolation=isolation_level)

    def use_pgbouncer(self) -> None:
        """Have one before PostgreSQL. The timeout is the role's there; here it is the whole server's."""
        assert self.postgres is not None
        self.postgres.settings["statement_timeout"] = "10s"
        self.pgbouncer = PgBouncer(self.folder / "pgbouncer", self.postgres)
        self.pool = "pgbouncer"

    def use_pool(self) -> None:
        """Have Django keep the connections of each process in a pool."""
        self.pool = "10"

    def use_mariadb(self) -> None:
        self.mariadb = MariaDB(self.folder / "mariadb")

    def use_sentinels(self) -> None:
        """Have three servers and three sentinels for the cache, and as many for the queue; the broker stays alone."""
        self._sentinels = True

    def use_clusters(self) -> None:
        """Have a cluster for the cache and one for the queue; the broker stays on a server."""
        self.clusters = {
            "cache": Cluster(self.folder / "cache-cluster", role="cache"),
            "queue": Cluster(self.folder / "queue-cluster", role="queue"),
        }

    def start(self) -> None:
        self._servers.start()
        for cluster in self.clusters.values():
            cluster.start()
        for role in ("cache", "queue") if self._sentinels else ():
            self.guarded[role] = self._at_the_end.enter_context(guarded(self.folder / f"guarded-{role}", role))
        for server in (self.postgres, self.pgbouncer, self.mariadb):
            if server:
                server.start()

    @property
    def database_url(self) -> str:
        if self.mariadb:
            return self.mariadb.url
        if server := self.pgbouncer or self.postgres:
            return server.url()
        return f"sqlite:///{self.folder}/db.sqlite3"

    def announce(self) -> None:
        """Set every setting: the cache in database 0, the queue in 1 and the broker in 2 of the second server."""
        os.environ.update(documented_settings())
        os.environ.update(
            self._servers.environment,
            DJANGO_SETTINGS_MODULE="tests.settings",
            SECRET_KEY="for-tests-only",
            DEBUG="False",
            DATABASE_URL=self.database_url,
            DATABASE_POOL=self.pool,
            CACHEDEMO_VAR=str(self.folder / "var"),
            LOG_LEVEL="INFO",
        )
        urls = {role: cluster.url for role, cluster in self.clusters.items()}
        urls |= {role: guarded.url() for role, guarded in self.guarded.items()}
        os.environ.update({f"CACHEDEMO_{role.upper()}_URL": url for role, url in urls.items()})

    def stop(self) -> None:
        for cluster in self.clusters.values():
            cluster.stop()
        self._at_the_end.close()
        self._servers.stop()
        for server in (self.pgbouncer, self.postgres, self.mariadb):
            if server:
                server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
