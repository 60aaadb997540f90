"""A reader that loaded the row before a write puts it into the cache after the write's invalidation."""

from playground.lab.actors import at
from playground.lab.findings import stale_reads
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "A stale fill after an invalidation"
STORY = (
    "A reader misses (finds nothing in the cache) and loads the row. Before it fills the cache, a writer changes the "
    "row and invalidates the copy (drops the cache entry). Then the reader goes on."
)
ASSERTION = "No read after the acknowledged write returns the old name."
NAIVE = "The reader's SET comes after the writer's DEL and nothing tells it that its value is old, so it stays."
OURS = "The reader's lease was taken away by the writer, so its fill finds the slot changed and is thrown away."
BREAKS = ("reader", "SET")
PK = 1


def play(side: Side, stage: Stage) -> Finding:
    reader = stage.actor("reader", lambda: side.read(PK))
    writer = stage.actor("writer", lambda: side.cache_aside(PK, "new"))
    reader.until(at("database", "SELECT"))
    writer.finish()
    stage.note("The write is acknowledged.")
    reader.finish()
    return stale_reads(side, PK, "new", stage)
