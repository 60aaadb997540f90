"""A PgBouncer of our own before a PostgreSQL, in transaction mode: each transaction may have another connection."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cachedemo.embedded.server import HOST, ends_with_this_process, free_port
from tests.faults.postgres import Postgres
from tests.helpers import until

ADMIN = "pgbouncer"  # the name of its own console, which is no database
_CONF = """[databases]
* = host={host} port={behind} user=tests
[pgbouncer]
listen_addr = {host}
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 10
server_round_robin = 1
admin_users = tests
unix_socket_dir =
"""


def find() -> str | None:
    """Return where it is; Debian keeps it out of a user's PATH."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class PgBouncer:
    """On loopback; its connections take turns, so that nothing left on one is there at the next transaction."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder = folder
        self.postgres = postgres
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        return self.postgres.url(self.port)

    def start(self) -> None:
        self.folder.mkdir(mode=0o755)
        self.port = free_port()  # now, since others look for one too
        conf = self.folder / "pgbouncer.ini"
        conf.write_text(_CONF.format(host=HOST, behind=self.postgres.port, port=self.port))
        account: dict[str, Any] = self.postgres.account  # root may not run it either
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find()), str(conf)],
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
                **account,
            )
        until(self._answers)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def let_go(self, database: str) -> None:
        """Close the connections to a database, which cannot be dropped before."""
        self._console(f"KILL {database}")
        self._console(f"RESUME {database}")

    def _console(self, command: str) -> None:
        import psycopg

        with psycopg.connect(f"postgres://tests@{HOST}:{self.port}/{ADMIN}", autocommit=True) as console:
            psycopg.ClientCursor(console).execute(command)  # it knows the simple protocol only

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
