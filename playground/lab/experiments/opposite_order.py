"""Two writers reach the database in one order and the cache in the other."""

from playground.lab.actors import at
from playground.lab.findings import stale_reads
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "Two writers in the opposite order"
STORY = (
    "Two write-through writers of one row. The first commits and is held up; the second commits and updates the cache; "
    "then the first updates the cache."
)
ASSERTION = "Once both are acknowledged, reads return what the database has: the second write."
NAIVE = "The last SET wins in the cache and the last COMMIT in the database, and these were not the same writer's."
OURS = "The first finds that the slot is no longer its own mark, cannot know what is newer, and empties it."
BREAKS = ("first writer", "SET")
PK = 3


def play(side: Side, stage: Stage) -> Finding:
    first = stage.actor("first writer", lambda: side.write_through(PK, "first"))
    second = stage.actor("second writer", lambda: side.write_through(PK, "second"))
    first.until(at("database", "COMMIT"))
    second.finish()
    first.finish()
    stage.note("Both writes are acknowledged.")
    return stale_reads(side, PK, "second", stage)
