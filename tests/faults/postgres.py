"""A PostgreSQL of our own, from the system's packages; root may not run it, so an account without rights does."""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from cachedemo.embedded.server import HOST, ends_with_this_process, free_port

START_TIMEOUT = 30.0  # seconds
ACCOUNTS = ("postgres", "nobody")


def find(program: str) -> str | None:
    """Return where a program of PostgreSQL is; Debian keeps the server's out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(debian[-1]) if debian else shutil.which(program)


class Postgres:
    """A server on loopback with the database `postgres`, as empty as initdb makes it.

    Args:
        folder: must not exist; anybody must be able to reach it.
        settings: of postgresql.conf.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.folder.mkdir()
        if self.account:
            shutil.chown(self.folder, self.account["user"], self.account["group"])
        self._initialize()
        self.port = free_port()  # now, since others look for one too
        self._start()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of its first process, whose children the others are."""
        assert self._process is not None
        return self._process.pid

    def url(self, port: int | None = None) -> str:
        return f"postgres://tests@{HOST}:{port or self.port}/postgres"

    @property
    def account(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = next(known[name] for name in ACCOUNTS if name in known)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _initialize(self) -> None:
        options = ["--auth=trust", "--username=tests", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [str(find("initdb")), f"--pgdata={self.folder}/data", *options]
        made = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", **self.account)
        if made.returncode:
            user = self.account.get("user", "this user")
            raise RuntimeError(f"initdb as {user}, who must be able to reach {self.folder} (TMPDIR): {made.stderr}")

    def _start(self) -> None:
        with (self.folder.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find("postgres")), "-D", f"{self.folder}/data", "-p", str(self.port), *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
                **self.account,
            )
        self._wait_until_it_answers()

    def _options(self) -> list[str]:
        own = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        return ["-h", HOST, "-k", str(self.folder), "-c", "fsync=off", "-c", "shared_buffers=16MB", *own]

    def _wait_until_it_answers(self) -> None:
        import psycopg

        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                return psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
