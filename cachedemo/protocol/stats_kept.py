"""How statistics are kept on the queue server: hashes of numbers, each for some time, each with an end.

by minutes    `stats:<hour>`, `<minute>:<metric>` -> number; a day
by models     `stats-models:<hour>`, `<minute>:<metric>:<model>` -> number; two hours
by hours      `stats-days:<day>`, `<hour>:<metric>`, models' too -> number; a week
"""

import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cachedemo.servers.key_prefix import ours

Numbers = dict[str, float]  # metric -> sum within one step


class Grain(NamedTuple):
    """How finely something is kept.

    Attributes:
        seconds: of one step.
        steps: of one key.
        kept: seconds until a key expires after its last change: what is shown, and the key that is under way.
    """

    name: str
    seconds: int
    steps: int
    kept: int

    def key(self, number: int) -> str:
        """Return the key with the steps from `number * steps` on, counted since the epoch."""
        return ours(f"{self.name}:{number}")

    def add(self, numbers: Mapping[str, float], command: str = "HINCRBY") -> list[tuple[Any, ...]]:
        """Return the commands that add these to the step that is under way, or set them with HSET."""
        number, step = divmod(int(time.time()) // self.seconds, self.steps)
        key = self.key(number)
        changes = [(command, key, f"{step}:{metric}", value) for metric, value in numbers.items()]
        return [*changes, ("EXPIRE", key, self.kept)] if changes else []

    def queries(self, steps: int, now: float) -> list[tuple[str, str]]:
        """Return the commands that fetch the last so many steps, for somebody's pipeline."""
        first, last = self._span(steps, now)
        return [("HGETALL", self.key(number)) for number in range(first // self.steps, last // self.steps + 1)]

    def of_answers(self, answers: Iterable[Any], steps: int, now: float) -> dict[int, Numbers]:
        """Return step since the epoch -> metric -> sum, from the answers to `queries`; every step is there."""
        first, last = self._span(steps, now)
        found: dict[int, Numbers] = {step: {} for step in range(first, last + 1)}
        for number, answer in enumerate(answers, start=first // self.steps):
            for field, value in (answer if isinstance(answer, dict) else {}).items():
                with contextlib.suppress(ValueError):  # not ours
                    step, _, metric = field.decode().partition(":")
                    if (at := number * self.steps + int(step)) in found:
                        found[at][metric] = float(value)
        return found

    def _span(self, steps: int, now: float) -> tuple[int, int]:
        last = int(now) // self.seconds
        return last - steps + 1, last


BY_MINUTES = Grain("stats", 60, 60, 25 * 3600)
BY_MODELS = Grain("stats-models", 60, 60, 2 * 3600)
BY_HOURS = Grain("stats-days", 3600, 24, 8 * 86400)


def by_model(steps: Iterable[Numbers]) -> dict[str, Numbers]:
    """Return model -> metric -> sum, of the numbers that are told by model."""
    found: dict[str, Numbers] = {}
    for numbers in steps:
        for name, value in numbers.items():
            metric, _, model = name.partition(":")
            if model:
                of = found.setdefault(model, {})
                of[metric] = of.get(metric, 0) + value
    return found
