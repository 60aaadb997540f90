"""Everything that a long run needs on this machine, and nothing that outlives it."""

import contextlib
import os
from pathlib import Path
from typing import Self

from tests.environment import Environment
from tests.faults.disk import Disk
from tests.faults.nursery import Nursery
from tests.faults.proxy import HOST, Proxy
from tests.processes import Process


class Stage(contextlib.ExitStack):
    """Two servers with a proxy before each, a database, a nursery, and a real worker with beat.

    Args:
        postgresql: the database is one, with a proxy before it too, and not a SQLite file.
    """

    environment: Environment
    to_cache: Proxy
    to_queue: Proxy
    to_source: Proxy | None = None
    nursery: Nursery
    worker: Process

    def __init__(self, postgresql: bool = False) -> None:
        super().__init__()
        self.postgresql = postgresql

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def _set_up(self) -> None:
        self.environment = Environment()
        self.callback(self.environment.stop)
        if self.postgresql:
            self.environment.use_postgresql()
        self.environment.start()
        self.environment.announce()
        self.to_cache = self.enter_context(Proxy(self.environment.cache.port))
        self.to_queue = self.enter_context(Proxy(self.environment.queue.port))
        if self.environment.postgres:
            self.to_source = self.enter_context(Proxy(self.environment.postgres.port))
            os.environ["DATABASE_URL"] = self.environment.postgres.url(self.to_source.port)
        os.environ.update(
            CACHEDEMO_CACHE_URL=f"redis://{HOST}:{self.to_cache.port}/0",
            CACHEDEMO_QUEUE_URL=f"redis://{HOST}:{self.to_queue.port}/1",
            LOG_LEVEL="ERROR",
            TMPDIR=str(self.folder),  # a killed worker cannot tidy up
        )
        self.nursery = Nursery(self.folder / "nursery.log")
        self.callback(self.nursery.end)
        self.nursery.start("tests.faults.jobs:tables").result()
        self.callback(self._end_worker)

    @property
    def folder(self) -> Path:
        return self.environment.folder

    def part(self, name: str) -> Path:
        """Return a new folder for one part of the run, with an empty queue, an empty cache and no rows."""
        folder = self.folder / f"part-{name}"
        folder.mkdir()
        self.nursery.start("tests.faults.jobs:empty_everything").result()
        return folder

    def start_worker(self) -> None:
        options = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--concurrency=1", "-B"]
        schedule = ["-s", str(self.folder / "schedule")]
        command = ["-m", "celery", "-A", "config", "worker", *options, *schedule]
        self.worker = Process(*command, log=self.folder / "worker.log")

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()

    def _end_worker(self) -> None:
        if hasattr(self, "worker"):
            self.kill_worker()

    def disk(self, name: str, policy: str, delay_ms: int) -> Disk:
        """Return another queue server on a disk of its own, running."""
        (self.folder / name).mkdir()
        disk = Disk(self.folder / name, policy, delay_ms)
        self.callback(disk.stop)
        disk.start()
        return disk
