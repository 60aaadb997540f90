"""The process that writes queued writes to the database dies with a batch in its hands."""

import time

from playground.lab.actors import at
from playground.lab.findings import lost_writes
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage
from playground.lab.world import CLAIM_DEADLINE

TITLE = "A flusher killed with a batch in its hands"
STORY = (
    "Twenty write-behind writes are acknowledged. A flusher (the worker that flushes) takes a batch and is killed "
    "before its first commit. Another flusher carries on."
)
ASSERTION = "Every acknowledged write reaches the database."
NAIVE = "LPOP takes the batch out of Redis into the memory of a process, and the process is gone: nobody has it now."
OURS = "A claim leaves the write where it is until the database has it; after its deadline the rows are claimed again."
BREAKS = ("flusher", "LPOP")
PKS = range(5, 25)


def play(side: Side, stage: Stage) -> Finding:
    stage.shows("writer", lambda: side.write_behind(PKS[0], "new"))
    for pk in PKS[1:]:
        side.write_behind(pk, "new")
    stage.note(f"{len(PKS)} writes are acknowledged.")
    stage.killed_after("flusher", side.flush, at("database", "BEGIN"))
    time.sleep(CLAIM_DEADLINE * 1.2)
    return lost_writes(side, PKS, "new", stage)
