"""How many rows a second so many flushing processes write to PostgreSQL, from one queue.

    python -m benchmarks.workers [--rows 50000] [1 2 4 ...]

Each number of processes finds the rows waiting, all of them in the cache, and the clock runs from the moment when all
may begin until nothing waits. The queue is on `appendfsync everysec`, PostgreSQL without fsync: what is measured is the
work of the flushers, the queue and the database, which here share one machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.environment import Environment
from tests.processes import Process

CHUNK = 1000
GO = "benchmark:go"
FLUSHER = """
import sys, time
from cachedemo import cache_for
from cachedemo.servers.roles import QUEUE
from users.models import User
users = cache_for(User)
users.announce()
User.objects.first()
print("ready", flush=True)
while not QUEUE.command("GET", "benchmark:go"):
    time.sleep(0.01)
while users.table.queue.depth():
    users.flush()
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("processes", nargs="*", type=int, default=[1, 2, 4])
    parser.add_argument("--rows", type=int, default=50_000)
    arguments = parser.parse_args()
    with database():
        make_rows(arguments.rows)
        for number in arguments.processes:
            seconds = measure(number, arguments.rows)
            print(f"{number} processes: {arguments.rows / seconds:8,.0f} rows/s ({seconds:.1f} s)", flush=True)
    return 0


@contextmanager
def database() -> Iterator[int]:
    """Servers and a PostgreSQL of their own, with the tables in it; gives the number of its first process."""
    environment = Environment()
    environment.use_postgresql()
    environment.start()
    environment.announce()
    os.environ["LOG_LEVEL"] = "WARNING"
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        assert environment.postgres is not None
        yield environment.postgres.pid
    finally:
        from django.db import connections

        connections.close_all()
        environment.stop()


def make_rows(rows: int) -> None:
    from django.db.models import QuerySet

    from users.models import User

    people = (User(id=pk, name="Alice", email=f"{pk}@example.com") for pk in range(1, rows + 1))
    QuerySet(User).all().delete()  # past the caches, as the next line
    QuerySet(User).bulk_create(people, batch_size=CHUNK)


def measure(number: int, rows: int) -> float:
    from cachedemo.servers.roles import QUEUE

    users = fill(rows)
    QUEUE.command("DEL", GO)
    with ExitStack() as stack:
        for each in [start(number) for number in range(number)]:
            stack.callback(each.end)
            each.says("ready", timeout=30)
        began = time.perf_counter()
        QUEUE.command("SET", GO, "1")
        while users.table.queue.depth():
            time.sleep(0.01)
        return time.perf_counter() - began


def fill(rows: int) -> Any:
    """Let a write wait for each row, and have each in the cache."""
    from cachedemo import cache_for
    from cachedemo.servers.roles import QUEUE
    from users.models import User

    users = cache_for(User)
    users.announce()
    QUEUE.command("CONFIG", "SET", "appendfsync", "everysec")
    writer = users.via("write-behind")
    for first in range(1, rows + 1, CHUNK):
        users.warm(range(first, first + CHUNK))
    for pk in range(1, rows + 1):
        writer.update(pk, name=f"Alice {time.monotonic_ns()}")
    return users


def start(number: int) -> Process:
    from pathlib import Path

    log = Path(os.environ["CACHEDEMO_VAR"]).parent / f"flusher-{number}-{time.monotonic_ns()}.log"
    return Process("-c", f"import django\ndjango.setup()\n{FLUSHER}", log=log)


if __name__ == "__main__":
    sys.exit(main())
