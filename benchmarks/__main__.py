"""`python -m benchmarks`: run the measurements and print them as one table.

`peers`, `growth`, `layers`, `http_layers`, `update_steps` and `bytes` are reports of their own:
`python -m benchmarks peers --help`.
"""

import importlib
import json
import signal
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.reports import parsed, parser, publish, timed
from benchmarks.results import Result, lines, table
from cachedemo.exceptions import CachedemoError

WIDTH = 140  # where the output is no terminal
MEASUREMENTS = (
    "reads",
    "near",
    "async",
    "cluster",
    "memory",
    "saves",
    "update_read",
    "write_behind",
    "flush",
    "flush_postgresql",
    "slow_source",
    "stampede",
    "http",
    "outage",
    "delete_version",
)
# With tables, and options, of their own.
REPORTS = {
    "peers": "benchmarks.peers.__main__",
    "growth": "benchmarks.growth.__main__",
    "layers": "benchmarks.layers",
    "http_layers": "benchmarks.http_layers",
    "update_steps": "benchmarks.update_steps",
    "bytes": "benchmarks.row_bytes",
}
_MODULES = {"async": "async_reads"}  # where a name is none that a module can have


def main() -> int:
    if sys.argv[1:2] and sys.argv[1] in REPORTS:
        report: int = importlib.import_module(REPORTS[sys.argv[1]]).main(sys.argv[2:])
        return report
    arguments = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the servers' end
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    results: list[Result] = []
    failed: list[str] = []
    stopped = False
    try:
        with Bench(console, arguments.quick, arguments.database) as bench:
            machine = about(bench)
            for name in arguments.names or MEASUREMENTS:
                with timed(name):
                    failed += _measure(name, bench, results)
    except KeyboardInterrupt:
        stopped = True
    if results:
        _show(console, machine, results, arguments)
    for said in failed:
        console.print(said, style="red")
    if stopped:
        console.print("Stopped.")
        return 130
    return 1 if failed else 0


def _measure(name: str, bench: Bench, results: list[Result]) -> list[str]:
    """Add the results of one measurement; return why there are no more, since the others are worth their minutes."""
    module = importlib.import_module(f"benchmarks.{_MODULES.get(name, name)}")
    try:
        results.extend(module.measure(bench))
    except CachedemoError as error:
        return [f"{name}: {error}"]
    return []


def _show(console: Console, machine: dict[str, str], results: list[Result], options: Namespace) -> None:
    if options.markdown or options.document:
        publish(options.document, "budgets", "\n".join([*lines(results), "", f"{in_words(machine)}."]))
    else:
        console.print(table(results))
        console.print(in_words(machine), style="dim")
    if options.json:
        options.json.write_text(json.dumps(as_json(machine, results), indent=2))


def as_json(machine: dict[str, str], results: list[Result]) -> dict[str, Any]:
    return {"machine": machine, "results": [result.as_json() for result in results]}


def _options() -> Namespace:
    made = parser("", __doc__, MEASUREMENTS)
    made.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    made.add_argument(
        "--database", default="", metavar="URL", help="an empty one, for what does not need SQLite's file"
    )
    return parsed(made, MEASUREMENTS, None)


if __name__ == "__main__":
    sys.exit(main())
