"""A bar that shows how far a measurement is."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

T = TypeVar("T")

PAUSE = 0.2  # seconds between two looks at the measurement


class Bar:
    """Drawn between two rounds and never by a thread, which would take its time from what is measured."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:58}"), BarColumn())
        self._progress = Progress(*columns, console=console, auto_refresh=False, transient=True)
        self.start, self.stop = self._progress.start, self._progress.stop

    def track(self, what: str, steps: Iterable[T]) -> Iterator[T]:
        """Yield the steps, and show how many of them are done."""
        task = self._progress.add_task(what, total=len(steps) if isinstance(steps, Sized) else None)
        shown = 0.0
        for step in steps:
            if time.monotonic() - shown > PAUSE:
                self._progress.refresh()
                shown = time.monotonic()
            yield step
            self._progress.advance(task)
        self._progress.remove_task(task)
