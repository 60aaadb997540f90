"""A MariaDB of our own, from the system's packages."""

import os
import shutil
import subprocess
from pathlib import Path

from cachedemo.embedded.server import HOST, ends_with_this_process, free_port
from tests.helpers import until

PROGRAMS = ("mariadbd", "mariadb-install-db")


def find(program: str) -> str | None:
    """Return where a program of MariaDB is; Debian keeps the server's out of a user's PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def is_installed() -> bool:
    return all(map(find, PROGRAMS))


class MariaDB:
    """A server on loopback with the database `tests`, and no passwords.

    Args:
        folder: must not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mysql://root@{HOST}:{self.port}/tests"

    def start(self) -> None:
        for each in (self.folder, self._tmp):
            each.mkdir()
        self._initialize()
        self.port = free_port()  # now, since others look for one too
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find("mariadbd")), *self._options(), f"--port={self.port}", *self._cheap()],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )
        until(self._answers, timeout=60)

    @property
    def _tmp(self) -> Path:
        """Its own, since a server that starts removes all temporary tables there, those of another one too."""
        return self.folder / "tmp"

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _options(self) -> list[str]:
        owner = ["--user=root"] if os.geteuid() == 0 else []
        return ["--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self._tmp}", *owner]

    def _cheap(self) -> list[str]:
        """A small server that nobody needs after a power cut."""
        return [
            f"--bind-address={HOST}",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            "--skip-grant-tables",
            "--skip-networking=0",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--sync-frm=0",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=64M",
            "--character-set-server=utf8mb4",
        ]

    def _initialize(self) -> None:
        command = [str(find("mariadb-install-db")), *self._options(), "--skip-test-db"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db: {made.stdout}{made.stderr}")

    def _answers(self) -> bool:
        import pymysql

        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"mariadbd: {(self.folder / 'log').read_text()}")
        try:
            with pymysql.connect(host=HOST, port=self.port, user="root") as connection:
                connection.cursor().execute("CREATE DATABASE IF NOT EXISTS tests")
        except pymysql.OperationalError:
            return False
        return True
