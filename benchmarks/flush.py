"""A flush from the queue to committed rows, against the barest loop that does the same.

Both sides find 10,000 rows waiting and take 500 at a time, in turns, to the same table. The bare loop pops ids,
reads their hashes in one pipeline, writes them with one `executemany` in one transaction on the same connection, and
deletes the hashes. It has no stamps, no claims and no slots: killed at the wrong moment it loses 500 writes, and it
leaves the cache as it was. Ours is a worker's turn: it acknowledges a batch and claims the next one in one trip, and
empties the slots of what it wrote. The rows a second are those of the best batch.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rows import ROWS

BATCH = 500
LIST = "bare:users"
AT_LEAST = {"sqlite": 0.8, "postgresql": 1.0}
STATEMENT = "UPDATE users_user SET name = %s WHERE id = %s"


def measure(bench: Bench) -> Iterator[Result]:
    from django.db import connection

    rows = range(1, bench.times(ROWS, 2_000) + 1)
    bench.start_empty()
    for start in range(0, len(rows), BATCH):
        bench.users.warm(rows[start : start + BATCH])
    fill_ours(bench, rows)
    _fill_bare(bench, rows)
    queue = bench.bare_queue()
    options, track = bench.users.table.options, bench.track("flush of batches of 500", range(len(rows) // BATCH))
    options.batch_size, default = BATCH, options.batch_size
    ours, theirs = _best_batches(bench.users.table, queue, track)
    options.batch_size = default
    assert bench.users.table.queue.depth() == queue.llen(LIST) == 0
    what, at_least = f"flush of {len(rows):,} rows, {connection.display_name}", AT_LEAST[connection.vendor]
    yield Result(what, BATCH / ours, "bare loop", BATCH / theirs, "rows/s", at_least=at_least)


def _best_batches(table: Any, queue: Any, batches: Iterable[Any]) -> tuple[float, float]:
    """Return the seconds of our best batch and of theirs: after each of ours, the bare loop has its turn."""
    from cachedemo.protocol import flush

    ours, theirs, left = [float("inf")], [], iter(batches)
    ended = 0.0

    def take_turns() -> bool:
        nonlocal ended
        began = time.perf_counter()
        if ended:
            ours.append(began - ended)
        _flush_bare(queue)
        theirs.append(time.perf_counter() - began)
        next(left, None)
        ended = time.perf_counter()
        return True

    flush.flush(table, take_turns)
    return min(ours), min(theirs)


def fill_ours(bench: Bench, pks: Sequence[int]) -> None:
    """Let a write wait for each of these rows."""
    writer = bench.users.via("write-behind")
    with bench.appendfsync("everysec"):
        for start in bench.track(f"{len(pks):,} writes to be flushed", range(0, len(pks), BATCH)):
            writer.update_many({pk: {"name": f"Alice S. {pk}"} for pk in pks[start : start + BATCH]})


def _fill_bare(bench: Bench, pks: Sequence[int]) -> None:
    pipe = bench.bare_queue().pipeline(transaction=False)
    for pk in pks:
        pipe.hset(f"bare:{pk}", "name", f"Alice S. {pk}")
        pipe.rpush(LIST, pk)
    pipe.execute()


def _flush_bare(queue: Any) -> None:
    from django.db import connection, transaction

    pks = [pk.decode() for pk in queue.lpop(LIST, BATCH)]
    pipe = queue.pipeline(transaction=False)
    for pk in pks:
        pipe.hgetall(f"bare:{pk}")
    rows = [(row[b"name"].decode(), pk) for pk, row in zip(pks, pipe.execute(), strict=True)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(STATEMENT, rows)
    queue.delete(*(f"bare:{pk}" for pk in pks))
