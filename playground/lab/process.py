"""Running experiments: each on both sides, in a world of their own, told as lines of JSON."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any

from playground.lab.world import World

LONGEST = 90  # seconds that a run may take, whatever happens
Emit = Callable[[dict[str, Any]], None]


def run(slugs: Iterable[str], emit: Emit, pace: float = 0.0) -> None:
    """Run experiments in this process, which is theirs alone, and emit what happens."""
    signal.alarm(LONGEST)
    with World() as world:
        from playground.lab.experiments import EXPERIMENTS

        for slug in slugs:
            _run_both(slug, EXPERIMENTS[slug], world, emit, pace)


def _run_both(slug: str, experiment: Any, world: World, emit: Emit, pace: float) -> None:
    from playground.lab.sides import Naive, Ours
    from playground.lab.stage import Stage

    for side in (Naive(), Ours()):
        world.start_again()
        stage = Stage(side.name, world, lambda event: emit({"experiment": slug, **event}), pace)
        finding = experiment.play(side, stage)
        emit({"experiment": slug, "kind": "finding", "side": side.name, **finding._asdict()})
    emit({"experiment": slug, "kind": "end"})


def to_stdout() -> Emit:
    """Return what writes each event as a line, and ends this process when the process that started it is gone."""
    parent = os.getppid()

    def emit(event: dict[str, Any]) -> None:
        if os.getppid() != parent:
            raise SystemExit("The process that started this run is gone.")
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    return emit
