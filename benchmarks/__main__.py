"""`python -m benchmarks`: run the measurements and print them as one table."""

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.results import Result, table

WIDTH = 140  # where the output is no terminal
MEASUREMENTS = ("reads", "write_behind", "flush", "slow_source", "stampede", "memory", "http", "delete_version")


def main() -> int:
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    try:
        with Bench(console, arguments.quick) as bench:
            about = versions(bench)
            results = [result for name in arguments.names or MEASUREMENTS for result in run(name, bench)]
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    console.print(table(results))
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    console.print(f"{time.monotonic() - started:.0f} s", style="dim")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"about": about, "results": [result.as_json() for result in results]}, indent=2)
        )
    return 0


def run(name: str, bench: Bench) -> list[Result]:
    return list(importlib.import_module(f"benchmarks.{name}").measure(bench))


def versions(bench: Bench) -> dict[str, Any]:
    import django
    import redis

    info = bench.bare_cache().info("server")
    server = ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", info["redis_version"])
    return {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "redis-py": redis.__version__,
        server[0]: server[1],
    }


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
