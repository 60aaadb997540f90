"""A warm row over HTTP: each peer behind a gunicorn, then behind a uvicorn, one process each, in turns."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.http_get import CONNECTIONS, rate
from benchmarks.peers.side import IN_MEMORY, Side
from benchmarks.peers.works import Figures, Measure, Sides, rounds_of
from benchmarks.started import started
from cachedemo.embedded.server import HOST, free_port

PATH = "/people/1"
ROUND = 0.5  # seconds for one of them, then the next
SERVERS = {
    "gunicorn": ["gunicorn", "benchmarks.peers.web:wsgi()", "--threads={connections}", "--keep-alive=30"],
    "uvicorn": ["uvicorn", "--factory", "benchmarks.peers.web:asgi"],
}


def requests_a_second(server: str) -> Measure:
    """Return the function that measures it behind this server: the best round of each; the article has no server."""
    return lambda sides, seconds: _best_rounds(sides, server, seconds)


def _best_rounds(sides: Sides, server: str, seconds: float) -> Figures:
    figures: Figures = {side.name: None for side in sides}
    with ExitStack() as stack:
        ports = {s.name: stack.enter_context(serving(s, server)) for s in sides if s.name not in IN_MEMORY}
        for port in ports.values():
            rate(port, PATH, ROUND)  # warm
        for _ in rounds_of(seconds):
            for name, port in ports.items():
                figures[name] = max(figures[name] or 0, rate(port, PATH, ROUND))
    return figures


@contextmanager
def serving(side: Side, server: str) -> Iterator[int]:
    """Start a web server with this peer in it, and yield its port."""
    port, peer = free_port(), [side.name, side.cache_url, side.queue_url, str(side.database)]
    command = [word.format(connections=CONNECTIONS) for word in SERVERS[server]]
    where = [f"--bind={HOST}:{port}"] if server == "gunicorn" else [f"--host={HOST}", f"--port={port}"]
    environment = {"PEER": json.dumps(peer), "PEER_SERVER": server}
    with started([*command, *where, "--log-level=warning"], environment, port):
        yield port
