"""Somebody empties the cache while writes wait for the database."""

from cachedemo.servers.roles import CACHE
from playground.lab.findings import lost_writes
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "FLUSHDB with pending writes"
STORY = (
    "Five write-behind writes are acknowledged. Before the flush, somebody empties the cache with FLUSHDB, the command "
    "that deletes all keys."
)
ASSERTION = "Every acknowledged write is read back, and reaches the database."
NAIVE = "The list of pending writes stands in the same database as the cache, so it is cleared with it."
OURS = "Cache and queue are never the same database, so emptying the cache cannot touch a write that waits."
BREAKS = ("note", "FLUSHDB")
PKS = range(55, 60)


def play(side: Side, stage: Stage) -> Finding:
    stage.shows("writer", lambda: side.write_behind(PKS[0], "new"))
    for pk in PKS[1:]:
        side.write_behind(pk, "new")
    stage.note(f"{len(PKS)} writes are acknowledged.")
    CACHE.command("FLUSHDB")
    stage.note("FLUSHDB on the cache.")
    return lost_writes(side, PKS, "new", stage)
