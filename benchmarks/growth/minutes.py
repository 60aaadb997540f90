"""Memory of the web process and of the worker while a few requests a second go on for a long time.

    python -m benchmarks growth minutes --minutes 60

A gunicorn and a Celery worker of the example project, on servers of their own; reads, and writes in each pattern, of
rows drawn by chance. What counts is what they hold at the end of the time against its first tenth, for a process
reaches its size only after a while.
"""

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.growth.growth import Growth
from benchmarks.http_get import servers, web
from benchmarks.started import started
from cachedemo.embedded.server import HOST
from tests.processes import children_of

REQUESTS_A_SECOND = 20
PATTERNS = ("cache-aside", "write-through", "write-behind")
SAMPLES = 40
ROWS = 2_000


def measure(bench: Bench) -> Iterator[Growth]:
    sizes: dict[float, list[float]] = {}
    unavailable = 0
    with servers(bench.folder / "minutes") as environment, web(environment) as port, _worker(environment) as worker:
        pks = _make_rows(port)
        [web_master] = [pid for pid, command in children_of(os.getpid()).items() if "gunicorn" in command]
        started, every = time.monotonic(), bench.minutes * 60 / SAMPLES
        for sample in bench.track(f"{bench.minutes:g} minutes of requests", range(1, SAMPLES + 1)):
            unavailable += _ask(port, pks, until=started + sample * every)
            sizes[round(sample * every / 60, 1)] = [_megabytes(web_master), _megabytes(worker.pid)]
    rate = f"{REQUESTS_A_SECOND} requests a second" + (f", {unavailable} of them 503" if unavailable else "")
    for place, (name, what) in enumerate((("web", "web process"), ("worker", "worker"))):
        figures = {minute: [both[place]] for minute, both in sizes.items()}
        first = max(figure for [figure] in list(figures.values())[: SAMPLES // 10])
        yield Growth(
            f"growth-minutes-{name}", "minutes", f"Memory of the {what}, {rate}", "MB",
            ["MB"], figures, dict.fromkeys(figures, first), "what it had after a tenth of the time", log=False,
        )  # fmt: skip


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker with one process and beat in it, as docs/operating.md has it."""
    command = ["celery", "-A", "config", "worker", "-B", "-c", "1", "--loglevel=warning"]
    with started(command, environment, stdout=sys.stderr) as process:  # where it introduces itself
        yield process


def _make_rows(port: int) -> list[int]:
    people = ({"name": "Al", "email": f"{number}@example.com"} for number in range(ROWS))
    created = (_request(port, "POST", "/api/cache-aside/users", person) for person in people)
    return [row["id"] for row in created if row]


def _ask(port: int, pks: list[int], until: float) -> int:
    """Send a fixed number of requests a second, three reads to a write, until that time; return how many were 503."""
    draw, unavailable = random.Random(until), 0
    while (now := time.monotonic()) < until:
        path = f"/api/{draw.choice(PATTERNS)}/users/{draw.choice(pks)}"
        if draw.random() < 0.25:
            answer = _request(port, "PATCH", path, {"name": f"name {draw.random()}"})
        else:
            answer = _request(port, "GET", path)
        unavailable += answer is None
        time.sleep(max(0.0, 1 / REQUESTS_A_SECOND - (time.monotonic() - now)))
    return unavailable


def _request(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Return what the answer holds; None for a 503, which a server that is busy with other work may cause."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 503:
            return None
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} was answered with {answer.status}: {text.decode()}")
        return json.loads(text)
    finally:
        connection.close()


def _megabytes(pid: int) -> float:
    """Return what a process and its children hold that is theirs alone (USS)."""
    pids, family = [pid], []
    while pids:
        family += pids
        pids = [child for each in pids for child in children_of(each)]
    return sum(map(_own_kilobytes, family)) / 1024


def _own_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
