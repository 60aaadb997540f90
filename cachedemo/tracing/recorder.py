"""The recorders of this context, and how a round trip is noted."""

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from cachedemo.tracing.steps import Step, here
from cachedemo.tracing.words import command_text, purpose_of

Watch = Callable[[Step], object]


class Recorder:
    """Collects the steps of one trace."""

    def __init__(self, then: Watch | None) -> None:
        self.steps: list[Step] = []
        self._then = then
        self._began = time.perf_counter_ns()
        self._trips = 0

    def add(self, server: str, sent: Sequence[tuple[Any, ...]], answers: Sequence[Any], began: int) -> None:
        """Note one round trip: what was sent, and the answer to each."""
        took = (time.perf_counter_ns() - began) / 1000
        self._trips += 1
        stack = here()
        for words, answer in zip(sent, answers, strict=True):
            step = Step(
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
            self.steps.append(step)
            if self._then is not None:
                self._then(step)


recorders: ContextVar[tuple[Recorder, ...]] = ContextVar("cachedemo_recorders", default=())


def timed(server: str, sent: Sequence[tuple[Any, ...]], call: Callable[[], Any], *, many: bool = False) -> Any:
    """Make the call and note it, however it ends."""
    began = time.perf_counter_ns()
    try:
        answer = call()
    except Exception as error:
        _note(server, sent, [error] * len(sent), began)
        raise
    _note(server, sent, answer if many else [answer], began)
    return answer


def _note(server: str, sent: Sequence[tuple[Any, ...]], answers: Sequence[Any], began: int) -> None:
    for recorder in recorders.get():
        recorder.add(server, sent, answers, began)
