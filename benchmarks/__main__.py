"""`python -m benchmarks`: run the measurements and print them as one table."""

import argparse
import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.about import about
from benchmarks.bench import Bench
from benchmarks.results import Result, table
from cachedemo.exceptions import CachedemoError

WIDTH = 140  # where the output is no terminal
MEASUREMENTS = (
    "reads",
    "near",
    "async",
    "cluster",
    "memory",
    "saves",
    "write_behind",
    "flush",
    "slow_source",
    "stampede",
    "http",
    "outage",
    "delete_version",
)
_MODULES = {"async": "async_reads"}  # where a name is none that a module can have


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the servers' end
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    results: list[Result] = []
    try:
        with Bench(console, arguments.quick) as bench:
            machine = about(bench)
            for name in arguments.names or MEASUREMENTS:
                results.extend(importlib.import_module(f"benchmarks.{_MODULES.get(name, name)}").measure(bench))
    except CachedemoError as error:
        console.print(str(error))
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    console.print(table(results))
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), style="dim")
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(machine, results), indent=2))
    return 0


def as_json(machine: dict[str, str], results: list[Result]) -> dict[str, Any]:
    return {"machine": machine, "results": [result.as_json() for result in results]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(MEASUREMENTS)}; all of them if none")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rough numbers in seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(MEASUREMENTS):
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
