"""`python -m benchmarks update_steps`: where the time of an update and the read after it goes, in each pattern.

Beside it the same by hand on Django's cache, as in `update_read`. All of them take turns, one call at a time; each step
with its trip, without the steps in it, and of many calls the median.
"""

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.markdown import markdown
from benchmarks.reports import parsed, parser, publish
from benchmarks.steps import Steps
from benchmarks.update_read import BUDGETS, ROWS, by_hand, ours

CALLS = 2_000
BY_HAND, REST = "by hand", "everything else"
STEPS = (
    "validate, as a form would",
    "send the mark",
    "the mark's answer, after the stamp",
    "stamp",
    "look at the slot: `GET`",
    "enqueue",
    "the statement and its transaction",
    "the slot: finish, publish, or `delete`",
    "settle up",
    "take the lease",
    "what waits",
    "the SELECT",
    "the slot: fill, or `set`",
    REST,
)
Side = Callable[[], object]


def main(arguments: Sequence[str] = ()) -> int:
    options = parsed(parser("update_steps", __doc__, ()), (), arguments)
    with Bench(Console(stderr=True, highlight=False), options.quick) as bench:
        bench.start_empty()
        bench.users.warm(ROWS)
        sides = {BY_HAND: by_hand(bench), **{pattern: ours(bench, pattern) for pattern in BUDGETS}}
        machine = in_words(about(bench))
        taken = _taken(sides, bench.track("updates", range(bench.times(CALLS, 200))))
    table = markdown(["step, µs", *sides], _rows(taken))
    publish(options.document, "update-steps", "\n".join([*table, "", f"{machine}."]))
    return 0


def _taken(sides: dict[str, Side], turns: Iterator[Any]) -> list[dict[str, float]]:
    """Return for each side how many seconds each of its steps takes."""
    found: dict[str, Steps] = {side: Steps() for side in sides}
    steps = Steps()
    with ExitStack() as stack:
        for owner, name, step in _watched():
            stack.enter_context(steps.watched(owner, name, step))
        for _ in turns:
            for side, call in sides.items():
                steps.taken = found[side].taken
                with steps.step(REST):
                    call()
    return [{step: statistics.median(times) for step, times in each.taken.items()} for each in found.values()]


def _watched() -> Iterator[tuple[Any, str, str]]:
    from django.core.cache.backends.redis import RedisCache
    from django.db.models import QuerySet

    from cachedemo.protocol import database, synchronous
    from cachedemo.protocol.codec import Codec
    from cachedemo.protocol.database_write import DatabaseWrite
    from cachedemo.protocol.queue import FlushQueue
    from cachedemo.protocol.slots import Slots

    yield Codec, "clean", STEPS[0]
    yield DatabaseWrite, "begin_mark", STEPS[1]
    yield DatabaseWrite, "_mark_hides_nothing", STEPS[2]
    yield FlushQueue, "stamp", STEPS[3]
    yield from ((owner, "get", STEPS[4]) for owner in (Slots, RedisCache))
    yield FlushQueue, "enqueue", STEPS[5]
    yield from ((owner, name, STEPS[6]) for owner, name in ((synchronous, "_attempt"), (QuerySet, "update")))
    yield from ((Slots, name, STEPS[7]) for name in ("finish", "publish"))
    yield RedisCache, "delete", STEPS[7]
    yield FlushQueue, "settle_up", STEPS[8]
    yield Slots, "take_lease", STEPS[9]
    yield FlushQueue, "pending", STEPS[10]
    yield from ((owner, name, STEPS[11]) for owner, name in ((database, "select"), (QuerySet, "get")))
    yield from ((owner, name, STEPS[12]) for owner, name in ((Slots, "fill"), (RedisCache, "set")))


def _rows(taken: list[dict[str, float]]) -> Iterator[list[str]]:
    for step in STEPS:
        yield [step, *(f"{side[step] * 1e6:.0f}" if step in side else "" for side in taken)]
    yield ["**all of it**", *(f"**{sum(side.values()) * 1e6:,.0f}**" for side in taken)]
    by_hand, *ours = [sum(side.values()) for side in taken]
    yield ["of what is written by hand", "", *(f"{each / by_hand:.2f}" for each in ours)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
