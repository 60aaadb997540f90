"""Two or more sides in turns, in short rounds."""

import time
from collections.abc import Callable, Iterable
from typing import Any


def seconds_a_call(rounds: Iterable[Any], calls: int, *sides: Callable[[], object]) -> list[float]:
    """Return for each side the time of one call, in its best round.

    Nothing makes code faster than it is, and much makes it slower: another process, a timer, a busy disk. So the best
    of many short rounds says most about the code and least about the machine. A round should last a millisecond or
    so, because on a busy machine few longer ones are left alone.
    """
    return [min(times) for times in times_of(rounds, calls, *sides)]


def times_of(rounds: Iterable[Any], calls: int, *sides: Callable[[], object]) -> list[list[float]]:
    """Return for each side the time of one call in every round."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in rounds:
        for side, taken in zip(sides, times, strict=True):
            if calls > 1:
                side()  # the other side has pushed it out of the processor's caches
            started = time.perf_counter()
            for _ in range(calls):
                side()
            taken.append((time.perf_counter() - started) / calls)
    return times
