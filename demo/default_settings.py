"""What the demo and its children read as settings: what was given is used, the rest is brought along."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from demo import credentials, ports
from demo.errors import DemoFailed

ROOT = Path(__file__).resolve().parent.parent
CACHE_DATABASE, QUEUE_DATABASE, BROKER_DATABASE = 0, 1, 2

# As a visitor should see it, whatever a .env for development says.
USUAL = {
    "DEBUG": "False",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "ALLOWED_HOSTS": "",
    "OPEN_ACCESS": "True",
    "SOURCE_LATENCY_MS": "200",
    "CACHEDEMO_STRICT_READS": "True",
    "CACHEDEMO_READ_ONLY": "False",
    "LOG_LEVEL": "INFO",
}


@dataclass(frozen=True)
class Plan:
    """Where the data lives, and the ports of the servers to start; no port where a server was given."""

    var: Path
    cache_port: int | None
    queue_port: int | None
    open_access_given: bool = False  # by whoever started the demo

    @property
    def log(self) -> Path:
        return self.var / "log"


@functools.cache
def plan() -> Plan:
    """Return what to start, decided once from the environment that the demo was started with."""
    var = ROOT / (os.environ.get("CACHEDEMO_VAR") or "var")
    var.mkdir(parents=True, exist_ok=True)
    everything = bool(os.environ.get("REDIS_URL"))
    cache_given = everything or bool(os.environ.get("CACHEDEMO_CACHE_URL"))
    queue_given = everything or bool(os.environ.get("CACHEDEMO_QUEUE_URL"))
    return Plan(
        var=var,
        cache_port=None if cache_given else ports.next_free(ports.LOOPBACK, ports.FIRST_CACHE_PORT),
        open_access_given=bool(os.environ.get("OPEN_ACCESS")),
        queue_port=None if queue_given else ports.next_free(ports.LOOPBACK, ports.FIRST_QUEUE_PORT),
    )


def prepare() -> None:
    """Fill the environment, for this process and its children; to be called before Django reads its settings."""
    chosen = plan()
    variables = USUAL | _redis_urls(chosen) | {"SECRET_KEY": credentials.kept(chosen.var / "secret-key")}
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    os.environ["CACHEDEMO_VAR"] = str(chosen.var)
    # Emptying a server that was given is not ours to offer.
    os.environ.setdefault("CACHEDEMO_ALLOW_FLUSHDB", str(chosen.cache_port is not None))


def _redis_urls(chosen: Plan) -> dict[str, str]:
    urls = {}
    if chosen.cache_port:
        urls["CACHEDEMO_CACHE_URL"] = f"redis://{ports.LOOPBACK}:{chosen.cache_port}/{CACHE_DATABASE}"
    if chosen.queue_port:
        urls["CACHEDEMO_QUEUE_URL"] = f"redis://{ports.LOOPBACK}:{chosen.queue_port}/{QUEUE_DATABASE}"
    if not (os.environ.get("REDIS_URL") or os.environ.get("CELERY_BROKER_URL")):
        urls["CELERY_BROKER_URL"] = _beside(os.environ.get("CACHEDEMO_QUEUE_URL") or urls["CACHEDEMO_QUEUE_URL"])
    return urls


def _beside(queue: str) -> str:
    """Return the URL of the broker's database on the queue's server."""
    parts = urlsplit(queue)
    if parts.scheme not in ("redis", "rediss"):
        raise DemoFailed("CACHEDEMO_QUEUE_URL leaves no room for the broker: set CELERY_BROKER_URL too.")
    taken = parts.path == f"/{BROKER_DATABASE}"
    return parts._replace(path=f"/{BROKER_DATABASE + taken}").geturl()


def open_to(host: str) -> str:
    """Say in the environment who may come in: anyone from this machine, or on `host` those who sign in.

    Returns:
        A sentence where that is not what OPEN_ACCESS was given as; empty otherwise.
    """
    wanted = os.environ.get("OPEN_ACCESS", "").lower() in ("true", "1", "yes", "on")
    is_open = ports.is_loopback(host) and wanted
    os.environ["OPEN_ACCESS"] = str(is_open)
    if not os.environ.get("ALLOWED_HOSTS"):
        os.environ["ALLOWED_HOSTS"] = ",".join(["localhost", "127.0.0.1", "[::1]", *ports.names_of(host)])
    if wanted and not is_open and plan().open_access_given:
        return f"OPEN_ACCESS=True does not hold on {host}, which others can reach: they would all be let in."
    return ""
