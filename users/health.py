"""For those who watch the processes: is this one alive, and can it do its work?"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST

from cachedemo import conf, registry
from cachedemo.exceptions import Unavailable
from cachedemo.operations import monitoring_access, stopped_flushing
from cachedemo.operations.metrics import exposition
from cachedemo.protocol.error_descriptions import describe
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers import queue_durability, roles
from cachedemo.servers.greeting import WrongKind
from cachedemo.servers.scripts import MAY_QUEUE
from cachedemo.servers.server_errors import Error
from users import broker
from users.models import User

Answer = dict[str, Any]

logger = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds for all checks together; a server that has not answered by then counts as down
NOT_FOR_YOU = "Metrics are for METRICS_FOR and METRICS_TOKEN in CACHEDEMO, and for the staff.\n"
NEEDED = {"queue", "database"}  # without the cache reads are slower, without the broker beat's flushes are late


@transaction.non_atomic_requests
def alive(request: HttpRequest) -> HttpResponse:
    """Answer, and ask nobody: to restart a process because Redis is down makes two outages of one."""
    return HttpResponse("alive\n", content_type="text/plain")


@transaction.non_atomic_requests
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Say whether it can work, 503 if not; to those who may watch, also what answers and what the queue keeps."""
    enabled = conf.is_enabled()
    checks_of_servers: dict[str, Callable[[], Answer]] = {"cache": _cache, "queue": _queue} if enabled else {}
    found = _answers({**checks_of_servers, "database": _database, "broker": _broker})
    answers = {name: answer for name, answer in found.items() if not isinstance(answer, Exception)}
    down = found.keys() - answers.keys()
    full = {name for name in down if getattr(found[name], "full", False)}
    unavailable = bool(down & NEEDED - full) or any(_is_of_another_kind(answer) for answer in found.values())
    status = "unavailable" if unavailable else "degraded" if down or _is_stopped(answers.get("queue")) else "ready"
    said: Answer = {"status": status}
    if _may_watch(request):
        checks = {name: "full" if name in full else "down" if name in down else "up" for name in found}
        said |= {"enabled": enabled, "switched_off": _switched_off(answers.get("queue"))}
        said |= {"checks": checks, "queue": answers.get("queue")}
    return JsonResponse(said, status=503 if unavailable else 200)


@transaction.non_atomic_requests
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, and whoever else may watch."""
    if not _may_watch(request):
        return HttpResponse(NOT_FOR_YOU, content_type="text/plain", status=403)
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _may_watch(request: HttpRequest) -> bool:
    return settings.OPEN_ACCESS or monitoring_access.may_watch(request)


def _answers(checks: dict[str, Callable[[], Answer]]) -> dict[str, Answer | Exception]:
    """Run all checks at the same time, so that the slowest decides how long it takes, and not their sum."""
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="readyz")
    end = time.monotonic() + PATIENCE
    futures = {name: pool.submit(check) for name, check in checks.items()}
    answers = {name: _answer(name, future, end - time.monotonic()) for name, future in futures.items()}
    pool.shutdown(wait=False)  # a check that is late ends by its own timeout
    return answers


def _answer(name: str, future: "Future[Answer]", patience: float) -> Answer | Exception:
    """Return what a check found, or the error that says that whom it asked is down."""
    try:
        return future.result(max(0.0, patience))
    except (Unavailable, DatabaseError, Error, OSError, NotInTime) as error:
        said = describe(error) if isinstance(error, DatabaseError) else str(error) or "no answer in time"
        logger.warning("Not ready, %s: %s", name, said)
        return error


def _is_of_another_kind(answer: Answer | Exception) -> bool:
    """Whether a URL leads to a server that will be none of ours by itself: that is for a person to correct."""
    return isinstance(answer, Exception) and isinstance(answer.__cause__, WrongKind)


def _cache() -> Answer:
    for server in roles.CACHE.servers():
        server.command("PING")
    return {}


def _queue() -> Answer:
    """Say what becomes of acknowledged writes if it dies, and what waits in it; raise if it takes no more of them."""
    for server in roles.QUEUE.servers():
        server.script(MAY_QUEUE, (), ())
    waiting = {str(cache.queue): _waiting(cache.table.queue) for cache in registry.with_queue()}
    return {**queue_durability.of_queue()._asdict(), "waiting": waiting}


def _is_stopped(queue: Answer | None) -> bool:
    """Whether one of the queues cannot be flushed; reads and writes go on, so the process is ready all the same."""
    return queue is not None and any(each["stopped"] for each in queue["waiting"].values())


def _switched_off(queue: Answer | None) -> list[str]:
    """Return the queues that an operator has closed: of their models, only the database is asked."""
    return [name for name, each in queue["waiting"].items() if each["switched_off"]] if queue else []


def _waiting(queue: WriteQueue) -> Answer:
    owed, overdue = queue.owed()
    stopped = queue.stopped()
    return {
        "pending": queue.depth(),
        "dead": queue.dead_count(),
        "owed": owed,
        "owed_overdue_seconds": round(overdue, 3),
        "stopped": stopped_flushing.sentence(queue) if stopped else None,
        "switched_off": queue.closed() is not None,
    }


def _database() -> Answer:
    """Ask for a row, so that missing tables are noticed too."""
    try:
        User._base_manager.values_list("pk").first()
    finally:
        connection.close()  # it is this thread's own
    return {}


def _broker() -> Answer:
    broker.ask(settings.CELERY_BROKER_URL, PATIENCE / 2.5)
    return {}
