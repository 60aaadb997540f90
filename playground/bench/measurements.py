"""The measurements, each a list of rows of one kind."""

import bisect
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cachedemo import ModelCache, Origin, Pattern

ARTICLE_MS = 200  # the article's simulated database
ARTICLE_ROWS = 3
HIT_RATIOS = (0.5, 0.8, 0.95, 0.99)

Result = dict[str, Any]
Progress = Callable[[str, int, int], None]  # what, how many are done, how many there are


class Sizes(NamedTuple):
    """How much is measured."""

    rows: int = 1000
    hot: int = 200  # rows that are read
    reads: int = 600  # for each hit ratio
    writes: int = 100  # in each pattern

    @classmethod
    def quick(cls) -> "Sizes":
        return cls(rows=60, hot=30, reads=60, writes=10)


def cold_and_warm(cache: ModelCache, pks: Sequence[int], progress: Progress) -> list[Result]:
    """The article's table: three users cold, then warm."""
    results = []
    for n, (state, (number, pk)) in enumerate(itertools.product(("cold", "warm"), enumerate(pks[:ARTICLE_ROWS], 1))):
        progress("cold and warm reads", n, 2 * ARTICLE_ROWS)
        entry, seconds = _timed(lambda pk=pk: cache.read(pk))  # type: ignore[misc]
        results.append({"state": state, "user": f"user {number}", "seconds": seconds, "origin": str(entry.origin)})
    return results


def zipf_reads(cache: ModelCache, pks: Sequence[int], reads: int, progress: Progress) -> list[Result]:
    """Reads of rows as popular as Zipf says, at several hit ratios.

    Before each read its row is put into the cache, or dropped from it as a write or the TTL would, untimed; so the
    ratio is what it is meant to be and does not drift while the cache fills.
    """
    results = []
    for n, ratio in enumerate(HIT_RATIOS):
        chance, times, hits = random.Random(n), list[float](), 0
        for done, pk in enumerate(_popular(pks, reads, chance)):
            progress(f"Zipf reads, hit ratio {ratio:.0%}", n * reads + done, len(HIT_RATIOS) * reads)
            _prepare(cache, pk, cached=chance.random() < ratio)
            entry, seconds = _timed(lambda pk=pk: cache.read(pk))  # type: ignore[misc]
            times.append(seconds)
            hits += entry.origin is Origin.CACHE
        results.append({"ratio": ratio, "hits": hits / reads} | _summary(times))
    return results


def _popular(pks: Sequence[int], count: int, chance: random.Random) -> Iterator[int]:
    """Yield rows, the n-th as often as 1/n."""
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(pks) + 1)))
    for _ in range(count):
        yield pks[bisect.bisect(weights, chance.random() * weights[-1], hi=len(pks) - 1)]


def _prepare(cache: ModelCache, pk: int, *, cached: bool) -> None:
    if cached:
        cache.read(pk)
    else:
        cache.table.slots.drop([pk], [])


def writes(cache: ModelCache, pks: Sequence[int], count: int, progress: Progress) -> list[Result]:
    """Updates of warm rows in each pattern, as the caller waits for them."""
    results = []
    for n, pattern in enumerate(Pattern):
        times = []
        for done, pk in enumerate(itertools.islice(itertools.cycle(pks), count)):
            progress(f"writes, {pattern}", n * count + done, len(Pattern) * count)
            cache.read(pk)
            times.append(_timed(lambda pk=pk, name=f"{pattern} {done}": cache.via(pattern).update(pk, name=name))[1])  # type: ignore[misc]  # noqa: B023
        results.append({"pattern": str(pattern)} | _summary(times))
    cache.drain(timeout=60)
    return results


def flush_throughput(cache: ModelCache, pks: Sequence[int], progress: Progress) -> list[Result]:
    """One waiting write for each row, then flushed until nothing waits."""
    cache.warm(pks)
    for done, pk in enumerate(pks):
        progress("queueing writes for the flush", done, len(pks))
        cache.via(Pattern.WRITE_BEHIND).update(pk, name=f"flushed {done}")
    progress("flushing", len(pks), len(pks))
    rows, seconds = _timed(lambda: cache.drain(timeout=60))
    return [
        {"rows": rows, "batch_size": cache.table.options.batch_size, "seconds": seconds, "per_second": rows / seconds}
    ]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - started


def _summary(times: Sequence[float]) -> Result:
    ordered = sorted(times)
    return {
        "count": len(ordered),
        "per_second": len(ordered) / sum(ordered),
        "mean": sum(ordered) / len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
    }
