"""Everything that a long run needs on this machine, and nothing that outlives it."""

import argparse
import contextlib
import os
import random
from pathlib import Path
from typing import Self

from tests.engines import choose_engines
from tests.environment import Environment
from tests.faults.disk import compiler
from tests.faults.moments import Moments
from tests.faults.nursery import Nursery
from tests.faults.one_server import OneServer, OnItsOwnDisk
from tests.faults.run import Load
from tests.faults.several_servers import ClusterServers, GuardedServers
from tests.faults.source import Source
from tests.processes import Process

RoleServers = OneServer | ClusterServers | GuardedServers


class Stage(contextlib.ExitStack):
    """Servers of each role, a database, a nursery, and a real worker with beat; a bad network before what has one.

    Args:
        engines: the options of `tests/engines.py`.
        seed: decides how long things last.
    """

    environment: Environment
    cache: RoleServers
    queue: RoleServers
    source: Source | None = None
    nursery: Nursery
    worker: Process

    def __init__(self, engines: argparse.Namespace, seed: int) -> None:
        super().__init__()
        self.engines = engines
        self.seed = seed
        self.moments = Moments(random.Random(seed))

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
        choose_engines(self.engines, self.environment)
        self.environment.start()
        self.environment.announce()
        self.cache, self.queue = self._servers_of("cache"), self._servers_of("queue")
        if self.environment.postgres or self.environment.mariadb:
            self.source = self.enter_context(contextlib.closing(Source(self.environment)))
            os.environ["DATABASE_URL"] = self.source.url
        os.environ.update(
            CACHEDEMO_CACHE_URL=self.cache.url,
            CACHEDEMO_QUEUE_URL=self.queue.url,
            LOG_LEVEL="ERROR",
            TMPDIR=str(self.folder),  # a killed worker cannot tidy up
        )
        self.nursery = Nursery(self.folder / "nursery.log")
        self.callback(self.nursery.end)
        self.nursery.start("tests.faults.jobs:tables").result()
        self.callback(self._end_worker)

    def _servers_of(self, role: str) -> RoleServers:
        if role in self.environment.clusters:
            return ClusterServers(role, self.environment.clusters[role], self.moments)
        if role in self.environment.guarded:
            return GuardedServers(role, self.environment.guarded[role])
        alone = {"cache": self.environment.cache, "queue": self.environment.queue}[role]
        return self.enter_context(contextlib.closing(OneServer(role, alone)))

    def queue_to_kill(self) -> OnItsOwnDisk | RoleServers:
        """Return a queue that can be killed again and again: by a power cut too, if that can be had."""
        if not isinstance(self.queue, OneServer) or not compiler():
            return self.queue
        return self.enter_context(contextlib.closing(OnItsOwnDisk(self.folder / "disk")))

    @property
    def folder(self) -> Path:
        return self.environment.folder

    def load(self, name: str, queue: OnItsOwnDisk | RoleServers, pause: float, near: float = 0.0) -> Load:
        """Return the load of one part of the run, with an empty queue, an empty cache and no rows."""
        folder = self.folder / f"part-{name}"
        folder.mkdir()
        settings = {"QUEUE_URL": queue.url}
        load = Load(self.nursery, folder, self.seed, pause=pause, settings=settings, replicas=queue.replicas, near=near)
        load.empty_everything()
        if self.engines.shards:
            load.reshard(self.engines.shards)
        return load

    def start_worker(self) -> None:
        options = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--concurrency=1", "-B"]
        schedule = ["-s", str(self.folder / "schedule")]
        command = ["-m", "celery", "-A", "tests.faults.worker", "worker", *options, *schedule]
        self.worker = Process(*command, log=self.folder / "worker.log", REPLICAS=str(self.queue.replicas))

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()

    def _end_worker(self) -> None:
        if hasattr(self, "worker"):
            self.kill_worker()
