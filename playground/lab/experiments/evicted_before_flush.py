"""The cache runs out of memory and evicts what a write-behind write has put there, before the flush."""

from cachedemo.servers.roles import CACHE
from playground.lab.findings import lost_writes
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "Write-behind evicted before the flush"
STORY = (
    "Five write-behind writes are acknowledged. Before the flush, other keys fill the cache up to the memory that it "
    "may use (maxmemory), and it throws out what was not used for longest, as its setting allkeys-lru tells it to."
)
ASSERTION = "Every acknowledged write is read back, and reaches the database."
NAIVE = "Cache and queue share one server whose policy may evict any key, the list of pending writes included."
OURS = "The queue is a server of its own that evicts nothing: a cache entry may go; the read finds the write waiting."
BREAKS = ("note", "was evicted")
PKS = range(50, 55)
ROOM = 1_000_000  # bytes beyond what is in use
FILLER = "x" * 10_000
MOST_FILLERS = 20_000


def play(side: Side, stage: Stage) -> Finding:
    stage.shows("writer", lambda: side.write_behind(PKS[0], "new"))
    for pk in PKS[1:]:
        side.write_behind(pk, "new")
    stage.note(f"{len(PKS)} writes are acknowledged.")
    fillers = _evict_what_is_there()
    stage.note(f"{fillers} other keys were needed to fill the cache until everything that had been there was evicted.")
    return lost_writes(side, PKS, "new", stage)


def _evict_what_is_there() -> int:
    """Fill the private cache until all that stood in it is gone; return how many keys that took."""
    _, there = CACHE.command("SCAN", 0, "COUNT", 1000)
    CACHE.command("CONFIG", "SET", "maxmemory", int(CACHE.command("INFO", "memory")["used_memory"]) + ROOM)
    fillers = 0
    while CACHE.command("EXISTS", *there) and fillers < MOST_FILLERS:
        CACHE.pipeline([("SET", f"filler:{fillers + n}", FILLER, "EX", 60) for n in range(20)])
        fillers += 20
    CACHE.command("CONFIG", "SET", "maxmemory", "64mb")
    return fillers
