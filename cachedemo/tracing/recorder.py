"""The recorders of this context, and how a round trip is noted."""

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from cachedemo.tracing.code_lines import Place, here
from cachedemo.tracing.steps import Step
from cachedemo.tracing.words import command_text, purpose_of

Watch = Callable[[Step], object]


class Recorder:
    """Collects the steps of one trace."""

    def __init__(self, then: Watch | None) -> None:
        self.steps: list[Step] = []
        self._then = then
        self._began = time.perf_counter_ns()
        self._trips = 0

    def add(
        self,
        server: str,
        sent: Sequence[tuple[Any, ...]],
        answers: Sequence[Any],
        began: int,
        stack: tuple[Place, ...] | None = None,
    ) -> None:
        """Note one round trip: what was sent, and the answer to each; `stack` where the code is elsewhere by now."""
        took = (time.perf_counter_ns() - began) / 1000
        self._trips += 1
        stack = here() if stack is None else stack
        for words, answer in zip(sent, answers, strict=True):
            self._keep(
                Step(
                    server=server,
                    command=command_text(server, words),
                    purpose=purpose_of(server, words, answer),
                    start=(began - self._began) / 1000,
                    took=took,
                    trip=self._trips,
                    stack=stack,
                    words=words,
                    error=str(answer) if isinstance(answer, Exception) else "",
                )
            )

    def _keep(self, step: Step) -> None:
        self.steps.append(step)
        if self._then is not None:
            self._then(step)


recorders: ContextVar[tuple[Recorder, ...]] = ContextVar("cachedemo_recorders", default=())


def timed(server: str, words: tuple[Any, ...], call: Callable[[], Any]) -> Any:
    """Make a call that sends one command, and note it, however it ends."""
    return timed_together(server, [words], lambda: [call()])[0]


def timed_together(server: str, sent: Sequence[tuple[Any, ...]], call: Callable[[], Sequence[Any]]) -> Sequence[Any]:
    """Make a call that sends many commands in one round trip, and note each."""
    began = time.perf_counter_ns()
    try:
        answers = call()
    except Exception as error:
        _note(server, sent, [error] * len(sent), began)
        raise
    _note(server, sent, answers, began)
    return answers


def _note(server: str, sent: Sequence[tuple[Any, ...]], answers: Sequence[Any], began: int) -> None:
    for recorder in recorders.get():
        recorder.add(server, sent, answers, began)
