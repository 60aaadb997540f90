"""A flush to a database that is 200 ms away, against the article's flusher, which writes one item at a time.

The article's flusher is the article's own, in Python: it takes up to ten items from a list and puts them into the
database one after another, and each put waits 200 ms. Ours waits as long, but once for a batch. Both write the same
table over the same connection settings. Its pace is the same for few rows as for many, so it gets few.

One flush at a time cannot be more than 1,000 times as fast, since it takes 1,000 rows a trip. Several may run at once,
as they do in a Celery worker of several processes, and the article's cannot: there is a line for one and one for two.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.bench import Bench
from benchmarks.flush import fill_ours
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

LATENCY_MS = 200
LIST = "article:flush:users"
WORKERS = 2


def measure(bench: Bench) -> Iterator[Result]:
    from django.conf import settings
    from django.test import override_settings

    users, queue, rounds = bench.users, bench.bare_queue(), bench.times(3, 2)
    bench.start_empty()
    fill_ours(bench, range(1, rounds * (1 + WORKERS) * users.table.options.batch_size + 1))
    _fill_article(bench, rounds)
    slow = override_settings(CACHEDEMO=settings.CACHEDEMO | {"SOURCE_LATENCY_MS": LATENCY_MS})
    with slow, ThreadPoolExecutor(WORKERS) as workers:
        alone, together, article = seconds_a_call(
            bench.track("flush to a source 200 ms away", range(rounds)),
            1,
            users.flush,
            lambda: list(workers.map(lambda _: users.flush(), range(WORKERS))),
            lambda: _flush_article(queue, 1),
        )
    batch = users.table.options.batch_size
    one, two, pace = batch / alone, WORKERS * batch / together, 1 / article
    yield Result("flush, database 200 ms away", one, "article's flusher", pace, "rows/s", at_least=880)
    yield Result(f"{WORKERS} flushes at once, 200 ms", two, "article's flusher", pace, "rows/s")


def _fill_article(bench: Bench, rows: int) -> None:
    items = [{"id": pk, "name": f"Alice S. {pk}", "email": f"alice{pk}@example.com"} for pk in range(1, rows + 1)]
    bench.bare_queue().rpush(LIST, *map(json.dumps, items))


def _flush_article(queue: Any, batch_size: int = 10) -> None:
    """One turn of the article's `startFlusher`."""
    items = []
    for _ in range(batch_size):
        item = queue.lpop(LIST)
        if not item:
            break
        items.append(json.loads(item))
    for user in items:
        try:
            _db_put_user(user)
        except Exception:
            queue.rpush(LIST, json.dumps(user))
            raise


def _db_put_user(user: dict[str, Any]) -> None:
    from django.db import models

    from users.models import User

    time.sleep(LATENCY_MS / 1000)
    models.QuerySet(User).filter(pk=user["id"]).update(name=user["name"], email=user["email"])
