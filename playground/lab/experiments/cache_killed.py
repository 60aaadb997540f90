"""The cache server is killed while the site is read and written."""

import time
from collections.abc import Callable

from cachedemo import conf
from cachedemo.exceptions import CachedemoError
from playground import scripts_ready
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "The cache killed"
STORY = (
    "The cache server is killed at once, without a warning (SIGKILL). Ten reads and five writes follow; then it is "
    "started again."
)
ASSERTION = "Reads and writes are answered without the cache, and afterwards reads return what was written."
NAIVE = "Every path begins or ends at the cache, so its errors become everybody's, and writes fail after their COMMIT."
OURS = "A cache may vanish: reads go to the database, and writes note what the cache is owed before they answer."
BREAKS = ("reader", "GET")
PKS = range(30, 40)
WRITTEN = range(30, 35)


def play(side: Side, stage: Stage) -> Finding:
    for pk in PKS:
        side.read(pk)
    stage.world.cache.kill()
    stage.note("The cache server is killed.")
    stage.shows("reader", lambda: side.read(PKS[0]))
    stage.shows("writer", lambda: side.write_through(WRITTEN[0], "new"))
    read = [_seconds(lambda pk=pk: side.read(pk)) for pk in PKS]  # type: ignore[misc]
    written = [_seconds(lambda pk=pk: side.write_through(pk, "new")) for pk in WRITTEN]  # type: ignore[misc]
    stage.world.cache.start()
    time.sleep(conf.get("BREAKER_PAUSE") * 1.2)  # until somebody has looked whether it is back
    scripts_ready.load()
    stage.note("The cache server is started again.")
    stage.shows("later reader", lambda: side.read(WRITTEN[0]))
    fresh = sum(side.read(pk)["name"] == "new" for pk in WRITTEN)
    failed = read.count(None) + written.count(None)
    slowest = max((seconds for seconds in read + written if seconds is not None), default=0.0)
    numbers = [
        (f"reads answered of {len(PKS)}", str(len(read) - read.count(None))),
        (f"writes acknowledged of {len(WRITTEN)}", str(len(written) - written.count(None))),
        ("slowest answer", f"{slowest * 1000:.0f} ms" if slowest else "none"),
        (f"fresh afterwards of {len(WRITTEN)}", str(fresh)),
    ]
    return Finding(failed > 0 or fresh < len(WRITTEN), numbers)


def _seconds(work: Callable[[], object]) -> float | None:
    """Return how long an answer took; None for an error."""
    started = time.perf_counter()
    try:
        work()
    except CachedemoError:
        return None
    return time.perf_counter() - started
