"""The cache entry is dropped before the database is written."""

from playground.lab.actors import at
from playground.lab.findings import stale_reads
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "Invalidating before the write"
STORY = (
    "The writer touches the cache first and the database afterwards. Between the two, a reader comes by, finds "
    "nothing in the cache and loads the row as it still is."
)
ASSERTION = "No read after the acknowledged write returns the old name."
NAIVE = "The reader fills the cache with the old row in the gap, and the writer never comes back to the cache."
OURS = (
    "The cache comes last, so there is no gap: readers see the old value, and a fill that raced the write is refused."
)
BREAKS = ("reader", "SET")
PK = 2


def play(side: Side, stage: Stage) -> Finding:
    side.read(PK)
    writer = stage.actor("writer", lambda: side.wrong_order(PK, "new"))
    reader = stage.actor("reader", lambda: side.read(PK))
    writer.until(at("cache"))
    reader.finish()
    writer.finish()
    stage.note("The write is acknowledged.")
    return stale_reads(side, PK, "new", stage)
