"""A cold key that 200 readers in 4 processes ask for at once: how many of them go to the database.

The source is 200 ms away, so every reader is there before the first is back. Ours is `users.get`; the other side is
the article's `getUser`, line by line: GET, on a miss the source, then SET. What is counted is SQL statements that the
reading threads send, the same way on both sides.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from cachedemo.embedded.server import end_with_parent

PROCESSES, THREADS = 4, 50
LATENCY_MS = "200"
PATIENCE = 60  # seconds for all processes to be there

_all_there: Any = None  # in a process of readers: the barrier before which it waits for the others


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    sides = bench.track("200 readers of a cold key", ["_get", "_article_get_user"])
    ours, theirs = [loads(side) for side in sides]
    yield Result("200 readers of a cold key", ours, "article's getUser", theirs, "loads", limit=1)


def loads(reader: str) -> int:
    """Return how often the database was asked."""
    context = multiprocessing.get_context("spawn")
    start = (context.Barrier(PROCESSES), os.getpid())
    os.environ["SOURCE_LATENCY_MS"] = LATENCY_MS
    try:
        with ProcessPoolExecutor(PROCESSES, context, _be_ready, start) as pool:
            return sum(pool.map(_read_at_once, [reader] * PROCESSES))
    finally:
        os.environ["SOURCE_LATENCY_MS"] = "0"


def _be_ready(all_there: Any, parent: int) -> None:
    global _all_there
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, and we are done in a moment
    import django

    django.setup()
    _all_there = all_there


def _read_at_once(reader: str) -> int:
    statements: list[str] = []
    together = threading.Barrier(THREADS, action=lambda: _all_there.wait(PATIENCE))
    read = globals()[reader]()
    threads = [threading.Thread(target=_read, args=[together, read, statements]) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(statements)


def _read(together: threading.Barrier, read: Callable[[], Any], statements: list[str]) -> None:
    from django.db import connection

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        together.wait()
        read()
    connection.close()


def _get() -> Callable[[], Any]:
    from cachedemo import cache_for
    from users.models import User

    users = cache_for(User)
    users.announce()
    return lambda: users.get(1)


def _article_get_user() -> Callable[[], Any]:
    from cachedemo.protocol import transactions
    from cachedemo.servers import roles
    from users.models import User

    client = roles.cache()

    def get_user() -> Any:
        cached = client.get("user:1")
        if cached:
            return json.loads(cached)
        transactions.trip("default")
        user = User.objects.values("id", "name", "email").get(pk=1)
        client.set("user:1", json.dumps(user), ex=60)
        return user

    return get_user
