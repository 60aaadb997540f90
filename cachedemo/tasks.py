"""The Celery tasks: shells that call the code."""

import contextlib
import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from cachedemo import conf, registry
from cachedemo.exceptions import Unavailable
from cachedemo.extras import needed_by
from cachedemo.operations import audit as auditing
from cachedemo.operations import deletion_log, flusher, keyspace, workers
from cachedemo.protocol.batch_owner import name_pool_after_this
from cachedemo.protocol.error_descriptions import describe
from cachedemo.servers import test_runs

with needed_by("cachedemo.tasks", "celery"):
    from celery import current_app, shared_task
    from celery.signals import worker_init, worker_ready, worker_shutdown

logger = logging.getLogger(__name__)

EXPIRES = 10  # seconds after which a request for a flush is useless; beat has asked again by then
SCAN_EXPIRES = 60
AUDITED = 100  # slots of each model that beat has looked at


@shared_task(ignore_result=True)
def flush(queue: str | None = None) -> None:
    """Flush what waits in the Redis list `queue`, for example flush:users; in every registered one if None.

    A queue in shards has a task for each of them, `flush:users#0/4` and so on, so that several workers flush it.
    """
    for cache in flusher.caches(queue):
        names = [] if test_runs.is_under_way() else flusher.names_of_shards(cache)
        if names and queue not in names:
            for name in names:
                request_flush(name)
        elif flusher.try_turn(cache, queue):
            request_flush(queue or str(cache.queue))


def knows_a_broker() -> bool:
    """Whether this process knows the project's broker, and not only that Celery is installed.

    Celery itself then asks one at localhost, which is nobody's or somebody else's.
    """
    return current_app.main != "default" or bool(current_app.conf.broker_url)


def request_flush(queue: str) -> None:
    """Ask the workers for a flush of `queue`; nobody in a test run, or where no Celery app of the project is imported:
    beat asks, or `cache_flush --loop` looks by itself. Raises what the broker's client raises."""
    if test_runs.is_under_way() or not knows_a_broker():
        return  # in a test run, a developer's worker would flush the developer's queue
    flush.apply_async([queue], expires=EXPIRES, retry=False)


@shared_task(ignore_result=True)
def audit(sample: int = AUDITED) -> None:
    """Compare a sample of each model's slots with the database; drift is logged, not repaired."""
    for cache in registry.registered() if conf.is_enabled() else ():
        try:
            auditing.audit(cache, sample)
        except Unavailable as error:
            logger.warning("No audit of %s: %s", cache.name, describe(error))


@shared_task(ignore_result=True)
def scan() -> None:
    """Count the cache's keys for the operators' pages."""
    if not conf.is_enabled():
        return
    try:
        keyspace.keep()
    except Unavailable as error:
        logger.warning("The keys were not counted: %s", error)


@shared_task(ignore_result=True)
def delete_version(name: str, version: str, entry_id: int | None = None) -> None:
    """Delete the keys of a version that is retiring; `entry_id` is its entry in the history."""
    deletion_log.run(registry.by_name(name), version, entry_id)


def request_deletion(name: str, version: str, entry_id: int | None) -> None:
    """Ask the workers to delete a version; in a test run it is done here.

    Raises:
        ImproperlyConfigured: no Celery app of the project is imported here. And what the broker's client raises.
    """
    if test_runs.is_under_way():
        delete_version(name, version, entry_id)  # a developer's worker would delete the developer's keys
    elif not knows_a_broker():
        raise ImproperlyConfigured(
            "this process has imported no Celery app of the project. Import it in the project's package, or delete the "
            "version with manage.py cache_delete_version."
        )
    else:
        delete_version.apply_async([name, version, entry_id], retry=False)


@worker_init.connect
def name_pool(**_: Any) -> None:
    """Come before the pool is forked, so that its processes are known by the name of their worker."""
    name_pool_after_this()


@worker_ready.connect
def begin(**_: Any) -> None:
    """Say that this worker is alive, and count the keys, so that pages have the numbers before beat's first minute."""
    workers.start()
    if test_runs.is_under_way():
        return
    scan.apply_async(expires=SCAN_EXPIRES, retry=False)


@worker_shutdown.connect
def end(**_: Any) -> None:
    with contextlib.suppress(Unavailable):  # then it counts as gone some seconds later
        workers.leave()
