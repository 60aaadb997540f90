"""What each operation costs each part in CPU time and memory: what docs/scaling.md is computed from.

    python -m benchmarks.costs [--rows 5000]

CPU time is what the system has counted for a process, so it says the same whether the machine is busy or not, but for
what a cache of the processor does. One connection, one operation at a time; many at once cost less each.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.workers import database, make_rows

TICKS = os.sysconf("SC_CLK_TCK")
PARTS = ("cache", "queue", "database", "process")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    rows = parser.parse_args().rows
    with database() as postmaster:
        make_rows(rows)
        print(f"{'CPU microseconds of the':38}" + "".join(f"{part:>10}" for part in PARTS))
        for name, work in operations(rows).items():
            before = cpu(postmaster)
            work()
            used = [(after - start) / rows * 1e6 for after, start in zip(cpu(postmaster), before, strict=True)]
            print(f"{name:38}" + "".join(f"{each:10.0f}" for each in used), flush=True)
        print_memory(rows)
    return 0


def operations(rows: int) -> dict[str, Callable[[], object]]:
    from cachedemo import cache_for
    from users.models import User

    users = cache_for(User)
    users.announce()
    behind, through = users.via("write-behind"), users.via("write-through")
    keys = range(1, rows + 1)

    def fill() -> None:
        for first in range(1, rows + 1, 100):
            users.get_many(range(first, min(first + 100, rows + 1)))

    return {
        "a miss, 100 at a time": fill,
        "a hit": lambda: [users.read(pk) for pk in keys],
        "a hit, 100 at a time": fill,
        "a write-behind update": lambda: [behind.update(pk, name=f"Alice {pk}") for pk in keys],
        "a row flushed, in batches": lambda: users.drain(timeout=600),
        "a write-through update": lambda: [through.update(pk, name=f"Bob {pk}") for pk in keys],
    }


def cpu(postmaster: int) -> list[float]:
    """Return the seconds that each part has used."""
    from cachedemo.servers.roles import CACHE, QUEUE

    servers = [role.command("INFO", "cpu") for role in (CACHE, QUEUE)]
    own = [each["used_cpu_user_main_thread"] + each["used_cpu_sys_main_thread"] for each in servers]
    return [*own, of_database(postmaster), time.process_time()]


def of_database(postmaster: int) -> float:
    """Return what PostgreSQL's processes have used, those that have ended too."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == postmaster:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            total += sum(map(int, fields[11:13]))
    return total / TICKS


def print_memory(rows: int) -> None:
    from cachedemo import cache_for
    from cachedemo.servers.roles import CACHE, QUEUE
    from users.models import User

    users = cache_for(User)
    for role, fill in (
        (CACHE, lambda: users.warm(range(1, rows + 1))),
        (QUEUE, lambda: [users.via("write-behind").update(pk, name="Alice") for pk in range(1, rows + 1)]),
    ):
        role.command("FLUSHDB")
        before = role.command("INFO", "memory")["used_memory"]
        fill()
        used = (role.command("INFO", "memory")["used_memory"] - before) / rows
        print(f"{used:.0f} bytes a row in the {role.name}")


if __name__ == "__main__":
    sys.exit(main())
