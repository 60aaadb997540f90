"""The same as `flush`, on a PostgreSQL of its own: in another process, since a process has one database from its start.

PostgreSQL runs without fsync, for the flush and for the bare loop.
"""

import json
import subprocess
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.started import started
from cachedemo.exceptions import CachedemoError
from tests.faults.postgres import Postgres


def measure(bench: Bench) -> Iterator[Result]:
    bench.folder.chmod(0o755)  # root may not run PostgreSQL, and another account must get there
    answer = bench.folder / "flush.json"
    quick = ["--quick"] if bench.quick else []
    with Postgres(bench.folder / "postgres", fsync="off") as postgres:
        words = ["benchmarks", "flush", *quick, "--json", str(answer), "--database", postgres.url()]
        with started(words, {}, stdout=subprocess.DEVNULL) as process:
            process.wait()
    if not answer.exists():
        raise CachedemoError("The process that flushes to PostgreSQL has ended without a figure.")
    for written in json.loads(answer.read_text())["results"]:
        yield Result.of_json(written)
