"""A flush from the queue to committed rows, against the barest loop that does the same.

Both sides find 10,000 rows waiting and take 500 at a time, in turns, to the same SQLite table. The bare loop pops ids,
reads their hashes in one pipeline, writes them with one `executemany` in one transaction on the same connection, and
deletes the hashes. It has no stamps, no claims and no slots: killed at the wrong moment it loses 500 writes, and it
leaves the cache as it was. Ours also gives back what dead flushes held, and empties the slots of what it wrote. The
rows a second are those of the best batch.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call
from benchmarks.rows import ROWS

BATCH = 500
LIST = "bare:users"
STATEMENT = "UPDATE users_user SET name = %s WHERE id = %s"


def measure(bench: Bench) -> Iterator[Result]:
    rows = range(1, bench.times(ROWS, 2_000) + 1)
    bench.start_empty()
    for start in range(0, len(rows), BATCH):
        bench.users.warm(rows[start : start + BATCH])
    fill_ours(bench, rows)
    _fill_bare(bench, rows)
    queue = bench.bare_queue()
    rounds = bench.track("flush of batches of 500", range(len(rows) // BATCH))
    bench.users.table.options.batch_size, default = BATCH, bench.users.table.options.batch_size
    ours, theirs = seconds_a_call(rounds, 1, bench.users.flush, lambda: _flush_bare(queue))
    bench.users.table.options.batch_size = default
    assert bench.users.table.queue.depth() == queue.llen(LIST) == 0
    what = f"flush of {len(rows):,} rows"
    yield Result(what, BATCH / ours, "bare loop", BATCH / theirs, "rows/s", at_least=0.5)


def fill_ours(bench: Bench, pks: Sequence[int]) -> None:
    """Let a write wait for each of these rows."""
    writer = bench.users.via("write-behind")
    with bench.appendfsync("everysec"):
        for pk in bench.track(f"{len(pks):,} writes to be flushed", pks):
            writer.update(pk, name=f"Alice S. {pk}")


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
