"""Which processes the demo consists of, and how each is known to be up."""

import http.client
from pathlib import Path

from cachedemo.embedded.server import EmbeddedServer
from demo import ports
from demo.default_settings import Plan
from demo.part import Part, PythonPart, ServerPart

CELERY = ["-m", "celery", "-A", "config"]
ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # no other workers to talk to


def servers(plan: Plan) -> list[ServerPart]:
    """Return the servers that were not given: the cache, which may vanish, and the queue, which keeps everything."""
    found = []
    if plan.cache_port:
        found.append(EmbeddedServer(plan.var / "cache", "cache", plan.cache_port, plan.log / "cache.log"))
    if plan.queue_port:
        found.append(EmbeddedServer(plan.var / "queue", "queue", plan.queue_port, plan.log / "queue.log"))
    return [ServerPart(server) for server in found]


def web(host: str, port: int, log: Path) -> PythonPart:
    address = f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}"
    arguments = ["manage.py", "runserver", address, "--noreload"]
    return PythonPart("web", arguments, log / "web.log", lambda part: answers(ports.reachable(host), port))


def beat(log: Path) -> PythonPart:
    arguments = [*CELERY, "beat", "--loglevel=INFO", "--pidfile="]
    return PythonPart("beat", arguments, log / "beat.log", lambda part: part.has_said("beat: Starting"))


def worker(log: Path) -> PythonPart:
    arguments = [*CELERY, "worker", "--loglevel=INFO", "--concurrency=2", "--hostname=demo@%h", *ALONE]
    return PythonPart("worker", arguments, log / "worker.log", lambda part: part.has_said(" ready."))


def drain(log: Path) -> PythonPart:
    """A process that ends once nothing waits any more."""
    return PythonPart("drain", ["manage.py", "cache_drain"], log / "drain.log", lambda part: not part.is_running)


def answers(host: str, port: int) -> bool:
    """Say whether a site answers there, and not with an error of its own."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def rotate(parts: list[Part]) -> None:
    """Begin new logs; the last run's stay beside them, ending in .1."""
    for part in parts:
        part.log.parent.mkdir(parents=True, exist_ok=True)
        if part.log.exists():
            part.log.replace(part.log.with_name(f"{part.log.name}.1"))
