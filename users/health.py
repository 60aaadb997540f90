"""For whoever watches the processes: is this one alive, and can it do its work?"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from cachedemo import servers
from cachedemo.exceptions import Unavailable
from users.models import User

logger = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds for all checks together; whoever has not answered by then counts as down
NEEDED = {"queue", "database"}  # without the cache reads are slower, without the broker beat's flushes are late


@transaction.non_atomic_requests
def alive(request: HttpRequest) -> HttpResponse:
    """Answer, and ask nobody: to restart a process because Redis is down makes two outages of one."""
    return HttpResponse("alive\n", content_type="text/plain")


@transaction.non_atomic_requests
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Say of each dependency whether it answers; 503 if one is down without which nothing can be done."""
    states = _states({"cache": _cache, "queue": _queue, "database": _database, "broker": _broker})
    down = {name for name, state in states.items() if state != "up"}
    status = "unavailable" if down & NEEDED else "degraded" if down else "ready"
    return JsonResponse({"status": status, "checks": states}, status=503 if down & NEEDED else 200)


def _states(checks: dict[str, Callable[[], object]]) -> dict[str, str]:
    """Run all checks at the same time, so that the slowest decides how long it takes, and not their sum."""
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="readyz")
    end = time.monotonic() + PATIENCE
    futures = {name: pool.submit(check) for name, check in checks.items()}
    states = {name: _state(name, future, end - time.monotonic()) for name, future in futures.items()}
    pool.shutdown(wait=False)  # whoever is late ends by its own timeout
    return states


def _state(name: str, future: "Future[object]", patience: float) -> str:
    try:
        future.result(max(0.0, patience))
    except (Unavailable, DatabaseError, servers.Error, OSError, NotInTime) as error:
        logger.warning("Not ready, %s: %s", name, error or "no answer in time")
        return "down"
    return "up"


def _cache() -> None:
    servers.CACHE.command("PING")


def _queue() -> None:
    servers.QUEUE.command("PING")


def _database() -> None:
    """Ask for a row, so that missing tables are noticed too."""
    try:
        User._base_manager.values_list("pk").first()
    finally:
        connection.close()  # it is this thread's own


def _broker() -> None:
    """Ask only a broker that is a Redis server; the others have no client here."""
    if settings.CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
        with servers.connect(settings.CELERY_BROKER_URL, retries=0) as client:
            client.ping()
