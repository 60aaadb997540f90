"""`python -m benchmarks growth`: what happens with more of something, as tables in Markdown and charts."""

import importlib
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.growth.growth import Growth
from benchmarks.reports import QUICKLY, parsed, parser, publish, timed

MEASUREMENTS = ("rows", "threads", "batches", "workers", "minutes")
ALWAYS = MEASUREMENTS[:-1]  # minutes are asked for by name: they take as long as they say


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the servers' end
    with Bench(Console(stderr=True, highlight=False), options.quick) as bench:
        bench.minutes = options.minutes
        machine = about(bench)
        for name in options.names or ALWAYS:
            with timed(name):
                for grown in importlib.import_module(f"benchmarks.growth.{name}").measure(bench):
                    _show(grown, options)
    said = f"{in_words(machine)}; load at the end {os.getloadavg()[0]:.1f}." + (QUICKLY if options.quick else "")
    publish(options.document, "growth-machine", said)
    return 0


def _show(grown: Growth, options: Namespace) -> None:
    publish(options.document, grown.name, f"**{grown.title}**\n\n{grown.markdown()}")
    if options.charts:
        options.charts.mkdir(parents=True, exist_ok=True)
        (options.charts / f"{grown.name}.svg").write_text(grown.chart().svg())


def _options(arguments: Sequence[str] | None) -> Namespace:
    made = parser("growth", __doc__, MEASUREMENTS)
    made.add_argument("--minutes", type=float, default=60, help="how long `minutes` takes (default: 60)")
    made.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the charts there, as SVG")
    return parsed(made, MEASUREMENTS, arguments)


if __name__ == "__main__":
    sys.exit(main())
