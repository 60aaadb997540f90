"""For how long writes are refused while a replica takes the place of a primary.

    python -m benchmarks.failover [sentinel] [cluster]

Four threads of one process write as fast as they can, each to a row of its own, on three servers behind three sentinels
or on a cluster of three primaries with a replica each, new ones for each line. Writes of the queue are write-behind
with `replicas = 1`, those of the cache write-through. Servers count as down after a second without an answer. Once it
has been replaced, a primary that was killed is started again, and one that was stopped goes on. One that is cut off
still answers these threads, but neither its replicas nor the sentinels.

"Refused for" is the longest time in which nothing was acknowledged to any of them; "lost" are rows that show less than
what was acknowledged.
"""

import argparse
import contextlib
import itertools
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import redis

from cachedemo.embedded.server import EmbeddedServer
from cachedemo.embedded.world import PrivateWorld
from tests.clusters import Cluster
from tests.helpers import until
from tests.sentinels import Guarded, guarded

ROWS = 4
BEFORE, AFTER = 1.0, 3.0  # seconds of writes before the fault, and after the replica has taken over
PAUSE = 0.002  # seconds between two writes of a thread
USER = "writers:secret@"  # another one than that of sentinels and replicas
QUEUE = "flush:users"
HEAD = ("servers", "role", "primary", "refused for", "longest write", "refused", "acknowledged", "lost")


class Write(NamedTuple):
    """One write of one thread, on the process's clock."""

    begin: float
    end: float
    number: int
    acknowledged: bool


class Servers(NamedTuple):
    """What is behind a role's URL, and how to find the primary there that matters, and who has its place."""

    url: str
    primary: Callable[[], EmbeddedServer]
    restart: Callable[[EmbeddedServer], None]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failover", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="engine", help="sentinel or cluster; both if none")
    arguments = parser.parse_args()
    if unknown := set(arguments.engines) - ENGINES.keys():
        parser.error(f"no engine is called {', '.join(sorted(unknown))}")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    with PrivateWorld("failover", LOG_LEVEL="CRITICAL") as world:
        make_rows()
        own = {"CACHE_URL": world.cache.url(0), "QUEUE_URL": world.queue.url(1)}
        for engine in arguments.engines or ENGINES:
            for role in ("queue", "cache"):
                for how in FAULTS:
                    if how != "cut off" or engine == "sentinel":
                        print(
                            f"| {engine} | {role} | {how} | {' | '.join(measure(engine, role, how, own))} |", flush=True
                        )
    return 0


def make_rows() -> None:
    from django.core.management import call_command

    from benchmarks.rows import people
    from users.models import User

    call_command("migrate", verbosity=0)
    User.objects.bulk_create(people(User, last=200))


def measure(engine: str, role: str, how: str, own: dict[str, str]) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder, ENGINES[engine](Path(folder), role) as servers:
        users = users_on({**own, f"{role.upper()}_URL": servers.url}, 1 if role == "queue" else 0)
        pks = rows_of_the_primary(users, role, servers)
        writing = Writing(users, pks, "write-behind" if role == "queue" else "write-through")
        with writing:
            time.sleep(BEFORE)
            primary = servers.primary()
            FAULTS[how](primary)
            until(lambda: servers.primary() is not primary, timeout=60)
            if how == "SIGKILL":
                servers.restart(primary)
            elif how == "SIGSTOP":
                os.kill(primary.pid or 0, signal.SIGCONT)
            time.sleep(AFTER)
            until(writing.goes_on, timeout=60)
        return writing.told()


def users_on(urls: dict[str, str], replicas: int) -> Any:
    """Return the cache of the users on these servers."""
    from django.conf import settings

    from cachedemo import cache_for, registry
    from cachedemo.servers import roles
    from users.models import User

    settings.CACHEDEMO = {**settings.CACHEDEMO, **urls}
    roles.reset()
    registry.forget_announcements()
    users: Any = cache_for(User)
    users.replicas = replicas
    users.table = users._table()
    users.announce()
    return users


def rows_of_the_primary(users: Any, role: str, servers: Servers) -> list[int]:
    """Return rows whose slots the primary has; all rows have one queue."""
    from cachedemo.servers.roles import CACHE

    pks = list(range(1, 201))
    if role == "cache" and CACHE.is_cluster:
        port = servers.primary().port
        pks = [pk for pk in pks if CACHE.cluster().owner(users.table.slots.key(pk)).port == port]  # type: ignore[union-attr]
    users.get_many(pks[:ROWS])
    return pks[:ROWS]


class Writing:
    """Threads that write until it is over, and what came of it."""

    def __init__(self, users: Any, pks: list[int], pattern: str) -> None:
        self.users, self.pks = users, pks
        self.writer = users.via(pattern)
        self.writes: dict[int, list[Write]] = {pk: [] for pk in pks}
        self.threads = [threading.Thread(target=self._write, args=(pk,), daemon=True) for pk in pks]
        self.over = threading.Event()

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _write(self, pk: int) -> None:
        from django.db import close_old_connections

        from cachedemo.exceptions import CachedemoError

        number = 0
        while not self.over.is_set():
            number, begin, acknowledged = number + 1, time.monotonic(), True
            try:
                self.writer.update(pk, name=f"Al {number}")
            except CachedemoError:
                acknowledged = False
            self.writes[pk].append(Write(begin, time.monotonic(), number, acknowledged))
            close_old_connections()
            time.sleep(PAUSE)

    def goes_on(self) -> bool:
        """Whether each thread's last write was acknowledged."""
        return all(writes and writes[-1].acknowledged for writes in self.writes.values())

    def told(self) -> tuple[str, ...]:
        every = [write for writes in self.writes.values() for write in writes]
        good = sorted(write.end for write in every if write.acknowledged)
        gap = max(later - earlier for earlier, later in itertools.pairwise(good))
        longest = max(write.end - write.begin for write in every)
        refused = len(every) - len(good)
        return f"{gap:.1f} s", f"{longest:.1f} s", f"{refused:,}", f"{len(good):,}", str(self._lost())

    def _lost(self) -> int:
        """How many rows show less than what was acknowledged last."""
        shown = {pk: int(self.users.get(pk).name.partition(" ")[2] or 0) for pk in self.pks}
        last = {pk: max(each.number for each in writes if each.acknowledged) for pk, writes in self.writes.items()}
        return sum(shown[pk] < last[pk] for pk in self.pks)


# the servers


@contextlib.contextmanager
def behind_sentinels(folder: Path, role: Any) -> Iterator[Servers]:
    with guarded(folder, role) as found:
        for server in found.servers:
            client(server).execute_command("ACL", "SETUSER", "writers", "on", ">secret", "~*", "&*", "+@all")
        until(found.is_whole)
        number = 1 if role == "queue" else 0
        yield Servers(found.url(number).replace("://", f"://{USER}"), lambda: named(found), found.restart)


def named(found: Guarded) -> EmbeddedServer:
    return until(lambda: _named(found))


def _named(found: Guarded) -> EmbeddedServer | None:
    with contextlib.suppress(StopIteration, redis.RedisError):  # they do not agree now
        return found.primary()
    return None


@contextlib.contextmanager
def on_a_cluster(folder: Path, role: Any) -> Iterator[Servers]:
    with Cluster(folder, role=role) as cluster:
        key = QUEUE if role == "queue" else "v2:user:{1}"
        yield Servers(cluster.url, lambda: until(lambda: _owner(cluster, key)), EmbeddedServer.start)


def _owner(cluster: Cluster, key: str) -> EmbeddedServer | None:
    """Return the primary that has a key, as the servers tell that answer."""
    with contextlib.suppress(redis.RedisError, AssertionError):
        return cluster.primary_of(key)
    return None


def client(server: EmbeddedServer) -> Any:
    return redis.Redis.from_url(server.url(0), socket_timeout=2)


ENGINES: dict[str, Callable[[Path, str], contextlib.AbstractContextManager[Servers]]] = {
    "sentinel": behind_sentinels,
    "cluster": on_a_cluster,
}


# what happens to a primary


def kill(server: EmbeddedServer) -> None:
    server.kill()


def stop(server: EmbeddedServer) -> None:
    os.kill(server.pid or 0, signal.SIGSTOP)


def cut_off(server: EmbeddedServer) -> None:
    """Nobody reaches it but the writers, who have a user of their own."""
    connection: Any = redis.Redis.from_url(server.url(0).replace("://", f"://{USER}"), socket_timeout=2)
    connection.execute_command("ACL", "SETUSER", "default", "-@all")
    connection.execute_command("CLIENT", "KILL", "USER", "default")


FAULTS: dict[str, Callable[[EmbeddedServer], None]] = {"SIGKILL": kill, "SIGSTOP": stop, "cut off": cut_off}

if __name__ == "__main__":
    sys.exit(main())
