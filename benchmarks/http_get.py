"""A warm GET of the API against an empty Django view that does one bare GET: same server, same middleware.

    python -m benchmarks.http_get [seconds]

Both addresses are asked in turns, so that whatever else the machine does hits both sides.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.started import ROOT, started
from cachedemo.embedded.pair import EmbeddedPair
from cachedemo.embedded.server import HOST, free_port
from cachedemo.embedded.world import SETTINGS
from cachedemo.exceptions import CachedemoError

CONNECTIONS = 4
ROUND = 0.5  # seconds for one side, then the other
BUDGET = 0.9
BARE, OURS = "/bare", "/api/cache-aside/users/1"


def main(seconds: float = 10.0) -> float:
    """Print requests a second of both sides; return how many of the bare view's ours are."""
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as environment, web(environment) as port:
        results = measure(port, seconds)
    for path, rates in results.items():
        print(f"{path:26} {statistics.median(rates):7.0f} requests/s")
    ratio = statistics.median(ours / bare for bare, ours in zip(results[BARE], results[OURS], strict=True))
    print(f"{'ratio':26} {ratio:7.2f} (at least {BUDGET})")
    return ratio


def measure(port: int, seconds: float) -> dict[str, list[float]]:
    results: dict[str, list[float]] = {OURS: [], BARE: []}  # ours first: it fills the slot that both read
    for path in results:
        rate(port, path, ROUND)  # warm
    for _ in range(max(1, int(seconds / ROUND / 2))):
        for path, rates in results.items():
            rates.append(rate(port, path, ROUND))
    return results


def rate(port: int, path: str, seconds: float) -> float:
    """Return requests a second over a few connections, each of which asks as soon as it is answered."""
    counts: list[int] = []
    refused: list[str] = []
    end = time.perf_counter() + seconds
    threads = [threading.Thread(target=ask, args=(port, path, end, counts, refused)) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < CONNECTIONS:
        raise CachedemoError(f"{path} was not answered with 200 but with {', '.join(refused) or 'nothing'}.")
    return sum(counts) / (time.perf_counter() - started)


def ask(port: int, path: str, end: float, counts: list[int], refused: list[str]) -> None:
    """Ask until the end; add how often that was, or what else than a 200 was answered."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    count = 0
    with socket.create_connection((HOST, port), timeout=30) as connection:
        while time.perf_counter() < end:
            connection.sendall(request)
            if (status := answered(connection)) != "200":
                refused.append(status)
                return
            count += 1
    counts.append(count)


def answered(connection: socket.socket) -> str:
    """Read one response to its end; return its status."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head.partition(b" ")[2][:3].decode()


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """Start a cache and a queue; yield the settings that name them."""
    with EmbeddedPair(folder) as pair:
        own = {"OPEN_ACCESS": "True", "LOG_LEVEL": "WARNING", "CACHEDEMO_VAR": str(folder / "var")}
        yield SETTINGS | pair.environment | own


@contextmanager
def web(environment: dict[str, str]) -> Iterator[int]:
    """Start gunicorn, one process with a few threads, on a migrated database; yield its port."""
    port, environment = free_port(), os.environ | environment
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    options = [f"--bind={HOST}:{port}", f"--threads={CONNECTIONS}", "--keep-alive=30", "--log-level=warning"]
    with started(["gunicorn", "benchmarks.http_get:application()", *options], environment, port):
        yield port


def application() -> Any:
    """The project's WSGI application with the bare view beside it, for gunicorn."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    web_application = get_wsgi_application()

    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    from cachedemo.servers import roles as roles
    from config.urls import urlpatterns as project

    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse(roles.cache().get("v2:user:1"), content_type="application/json")

    class Urls:
        urlpatterns = [*project, path("bare", bare)]

    settings.ROOT_URLCONF = Urls
    return web_application


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:2]))
