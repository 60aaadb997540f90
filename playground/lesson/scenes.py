"""What the steps of the lesson do, each on throwaway rows of its own, with the code that everybody runs."""

import time
from collections.abc import Callable
from typing import Any

from cachedemo import Entry, Pattern
from cachedemo.plurals import counted
from cachedemo.servers.roles import CACHE
from demo import visitor_actions
from playground import scripts_ready
from playground.lesson import acts
from playground.throwaway import Throwaway

OLD, NEW = "Alice Singh", "Alice S."
BEHIND, THROUGH = Pattern.WRITE_BEHIND, Pattern.WRITE_THROUGH
PATIENCE = 5.0  # seconds until the demo must have killed what it was asked to
DOWN_FOR = 3  # seconds that the lesson keeps the cache down

Scene = dict[str, Any]


def read() -> Scene:
    """Read a row that the cache does not have, and once more."""
    with _rows(1) as own:
        [pk] = own.pks
        cold = acts.track("The first read", own.cache, pk, lambda: own.cache.read(pk), acts.returned)
        warm = acts.track("The second read", own.cache, pk, lambda: own.cache.read(pk), acts.returned)
    return {"tracks": [cold, warm], "in_turn": True}


def write() -> Scene:
    """Change the name in each of the three patterns, on three rows that the cache has."""
    return {"tracks": _in_each_pattern(_update, acts.acknowledged)}


def read_after() -> Scene:
    """Read each row again, right after it was written in its pattern."""

    def read_again(own: Throwaway, pk: int, pattern: Pattern) -> Entry:
        return own.cache.read(pk)

    return {"tracks": _in_each_pattern(read_again, acts.returned, before=_update)}


def flush() -> Scene:
    """Write behind, and let the flush run afterwards, as the worker does within about a second."""
    with _rows(1) as own:
        [pk] = own.pks
        own.cache.read(pk)
        scripts_ready.load()
        write = acts.track("The write", own.cache, pk, lambda: _update(own, pk, BEHIND), acts.acknowledged)
        flushed = _flushed(own, pk)
    return {"tracks": [write, flushed], "in_turn": True}


def forget() -> Scene:
    """Empty the cache while a write waits, and read."""
    with _rows(1) as own:
        [pk] = own.pks
        own.cache.read(pk)
        _update(own, pk, BEHIND)
        scripts_ready.load()
        gone = acts.track(
            "The cache forgets",
            own.cache,
            pk,
            lambda: CACHE.command("DEL", own.cache.table.slots.key(pk)),
            actor="somebody",
            ends="The copy is gone.",
        )
        found = acts.track("A read", own.cache, pk, lambda: own.cache.read(pk), acts.returned)
        flushed = _flushed(own, pk)
    return {"tracks": [gone, found, flushed], "in_turn": True}


def kill_the_cache() -> Scene:
    """Have the demo kill the cache server, and read and write without it."""
    with _rows(1) as own:
        [pk] = own.pks
        own.cache.read(pk)
        visitor_actions.ask("cache server", f"down-{DOWN_FOR}")
        _wait_until_down()
        read = acts.track("A read without the cache", own.cache, pk, lambda: own.cache.read(pk), acts.returned)
        label = "A write-through write without the cache"
        wrote = acts.track(label, own.cache, pk, lambda: _update(own, pk, THROUGH), acts.acknowledged)
        _wait_until_up()
        again = acts.track("A read, the cache is back", own.cache, pk, lambda: own.cache.read(pk), acts.returned)
    return {"tracks": [read, wrote, again], "in_turn": True}


def _wait_until_down() -> None:
    _wait(lambda: visitor_actions.states().get("cache server", ("", 0))[0] == "down")


def _wait_until_up() -> None:
    _wait(lambda: visitor_actions.states().get("cache server", ("", 0))[0] == "runs")
    time.sleep(0.6)  # a process looks twice a second whether a server is back
    scripts_ready.load()


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def _rows(count: int) -> Throwaway:
    scripts_ready.load()
    return Throwaway(count, (OLD,) * count, ("name",))


def _update(own: Throwaway, pk: int, pattern: Pattern) -> object:
    return own.cache.via(pattern).update(pk, name=NEW)


def _flushed(own: Throwaway, pk: int) -> acts.Track:
    """Flush as the worker does, which is another process: here it is done by this one, so that it can be drawn."""

    def written(rows: int) -> str:
        return f"{counted(rows, 'row')} written to the database."

    ends = "The worker is done."
    return acts.track("The flush, later", own.cache, pk, own.cache.flush, written, actor="worker", ends=ends)


def _in_each_pattern(
    work: Callable[[Throwaway, int, Pattern], Any],
    answer: Callable[[Any], str],
    before: Callable[[Throwaway, int, Pattern], object] | None = None,
) -> list[acts.Track]:
    """Do the work in each pattern, one after the other, on a row of its own that the cache has."""
    tracks = []
    with _rows(len(Pattern)) as own:
        for pattern, pk in zip(Pattern, own.pks, strict=True):
            own.cache.read(pk)
            if before is not None:
                before(own, pk, pattern)
            tracks.append(acts.track(str(pattern), own.cache, pk, lambda: work(own, pk, pattern), answer))  # noqa: B023
    return tracks
