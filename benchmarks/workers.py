"""How many rows a second so many flushing processes write to PostgreSQL, from one queue and from shards of one.

    python -m benchmarks.workers [--rows 50000] [--shards 1 4] [1 2 4 8]

Each number of processes finds the rows waiting, all of them in the cache, and the clock runs from the moment when all
may begin until nothing waits. Processes share out the shards, as workers do that beat asks for a flush of each. The
queue is on `appendfsync everysec`, PostgreSQL without fsync: what is measured is the work of the flushers, the queue
and the database, which here share one machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

from tests.environment import Environment
from tests.processes import Process

CHUNK = 1000
GO = "benchmark:go"
FLUSHER = """
import sys, time
from cachedemo import cache_for
from cachedemo.protocol import flush
from cachedemo.protocol.shard_tables import of_each_shard
from cachedemo.servers.roles import QUEUE
from users.models import User
users = cache_for(User)
users.announce()
User.objects.first()
tables = of_each_shard(users.table)
mine = tables[int(sys.argv[1]) % len(tables)::int(sys.argv[2])]
print("ready", flush=True)
while not QUEUE.command("GET", "benchmark:go"):
    time.sleep(0.01)
while sum([flush.flush(table) for table in mine]) or any(table.queue.in_line() for table in mine):
    pass
"""
_numbers = count(1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("processes", nargs="*", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--shards", nargs="+", type=int, default=[1, 4])
    arguments = parser.parse_args()
    with database():
        make_rows(arguments.rows)
        print(f"{arguments.rows:,} rows, {os.cpu_count()} cores; rows a second:\n")
        print(f"| processes | {' | '.join(map(in_words, arguments.shards))} |")
        print(f"|---|{'---|' * len(arguments.shards)}", flush=True)
        for number in arguments.processes:
            seconds = [measure(number, arguments.rows, shards) for shards in arguments.shards]
            cells = (f"{arguments.rows / each:,.0f}" for each in seconds)
            print(f"| {number} | {' | '.join(cells)} |", flush=True)
    return 0


def in_words(shards: int) -> str:
    return "one queue" if shards == 1 else f"{shards} shards"


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
    QuerySet(User).all()._raw_delete("default")  # past the caches, as the next line
    QuerySet(User).bulk_create(people, batch_size=CHUNK)


def measure(number: int, rows: int, shards: int) -> float:
    """Return the seconds that so many processes take for so many rows."""
    from cachedemo.operations import shard_change
    from cachedemo.servers.roles import QUEUE

    users = warm(rows)
    shard_change.change(users, shards)
    fill(users, rows)
    QUEUE.command("DEL", GO)
    with ExitStack() as stack:
        for process in [start(each, number) for each in range(number)]:
            stack.callback(process.end)
            process.says("ready", timeout=60)
        began = time.perf_counter()
        QUEUE.command("SET", GO, "1")
        while users.table.queue.depth():
            time.sleep(0.01)
        return time.perf_counter() - began


def warm(rows: int) -> Any:
    """Have each row in the cache."""
    from cachedemo import cache_for
    from cachedemo.servers.roles import QUEUE
    from users.models import User

    users = cache_for(User)
    users.announce()
    QUEUE.command("CONFIG", "SET", "appendfsync", "everysec")
    for first in range(1, rows + 1, CHUNK):
        users.warm(range(first, first + CHUNK))
    return users


def fill(users: Any, rows: int) -> None:
    """Let a write wait for each row."""
    writer = users.via("write-behind")
    for first in range(1, rows + 1, CHUNK):
        some = range(first, min(first + CHUNK, rows + 1))
        writer.update_many({pk: {"name": f"Alice {time.monotonic_ns()}"} for pk in some})
    waiting = users.table.queue.depth()
    assert waiting == rows, f"{waiting} of {rows} wait"


def start(which: int, of: int) -> Process:
    from pathlib import Path

    log = Path(os.environ["CACHEDEMO_VAR"]).parent / f"flusher-{next(_numbers)}.log"
    return Process("-c", f"import django\ndjango.setup()\n{FLUSHER}", str(which), str(of), log=log)


if __name__ == "__main__":
    sys.exit(main())
