"""What the numbers were taken on: versions, processors, and how long the disk takes to sync."""

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench

SYNCS = 50


def about(bench: Bench) -> dict[str, str]:
    """Return names and values, all of them short."""
    import django
    import redis

    return {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "redis-py": redis.__version__,
        **_server(bench),
        "SQLite": sqlite3.sqlite_version,
        "processors": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "a sync of the disk": f"{_sync_takes(bench.folder) * 1e6:.0f} µs",
    }


def in_words(machine: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def _server(bench: Bench) -> dict[str, str]:
    info = bench.bare_cache().info("server")
    return {"Valkey": info["valkey_version"]} if "valkey_version" in info else {"Redis": info["redis_version"]}


def _sync_takes(folder: Path) -> float:
    """Return the usual time of a sync; `appendfsync always` waits for one before each answer to a write."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 100)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times)
