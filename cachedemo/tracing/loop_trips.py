"""Trips that an event loop makes for many readers at once, noted in the trace of each of them."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from cachedemo.servers.loop_server import Answers
from cachedemo.tracing.code_lines import Place, here
from cachedemo.tracing.recorder import Recorder, recorders


class _Reader(NamedTuple):
    """Who watches a reader, and which lines it is at."""

    recorders: tuple[Recorder, ...]
    stack: tuple[Place, ...]


class LoopWatcher:
    """Watches the trips of loops; `loop_reads.Watcher` says what is asked of it."""

    def who(self) -> _Reader | None:
        watching = recorders.get()
        return _Reader(watching, here()) if watching else None

    async def note(
        self, who: Sequence[_Reader], server: str, words: Sequence[Any], trip: Callable[[], Awaitable[Answers]]
    ) -> Answers:
        began = time.perf_counter_ns()
        found = await trip()
        slots = [each and each.slot for each in found]
        answers = slots if words[0][0] == "GET" else [slots]
        for recorder, stack in {recorder: each.stack for each in who for recorder in each.recorders}.items():
            recorder.add(server, words, answers, began, stack)
        return found
