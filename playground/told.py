"""A request as the page tells it: its trace and nothing else's, and what was where before and right after it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from cachedemo import Pattern, trace
from cachedemo.patterns.written import Written
from cachedemo.tracing.trace import Step
from playground import scripts_ready
from playground.three_places import state
from playground.timeline import kept_steps
from users.pages import views

T = TypeVar("T")


class Told:
    """What one read or write of a row did. The places are looked at outside the trace, before the page reads."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.steps: list[Step] = []
        self.written: Written | None = None
        self._at = self._took = 0.0
        self._before = self._after = dict[str, Any]()

    def of(self, work: Callable[[], T]) -> T:
        """Do the work, and keep what it did."""
        scripts_ready.load()
        self._before = self._look()
        self._at, began = time.time(), time.perf_counter()
        try:
            with trace() as self.steps:
                return work()
        finally:
            self._took = time.perf_counter() - began
            self._after = self._look()

    def write(self, *what: Any, **options: Any) -> tuple[Written, float]:
        """Write as `views.write` does, and keep what that did."""
        self.written, took = self.of(lambda: views.write(*what, **options))
        return self.written, took

    def story(self, title: str, pattern: Pattern) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "title": title,
            "pattern": str(pattern),
            "pk": self.pk,
            "at": self._at,
            "took_ms": self._took * 1000,
            "steps": kept_steps(self.steps),
            "before": self._before,
            "after": self._after,
            "queued": self.written is not None and self.written.pattern is Pattern.WRITE_BEHIND,
        }

    def _look(self) -> dict[str, Any]:
        found = state(views.users(), self.pk)
        lines = [{"name": line.name, "cells": [cell._asdict() for cell in line.cells]} for line in found.lines]
        return {"lines": lines, "down": found.down}
