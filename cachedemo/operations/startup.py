"""What a process that serves does when it starts: announces its versions, and says what may lose or keep too much."""

import contextlib
import logging

from django.core.exceptions import ImproperlyConfigured

from cachedemo import conf, registry
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable, Unavailable
from cachedemo.operations import forsaken_queues, switch, unwaited_replicas
from cachedemo.protocol import database_addresses
from cachedemo.servers import cache_persistence, queue_durability
from cachedemo.servers.server_errors import Error

logger = logging.getLogger(__name__)


def announce_all() -> None:
    """Announce every version when a process starts, so that a conflict ends it there and not at the first request.

    A queue that gives no answer now is asked again before anything is served.

    Raises:
        VersionConflict: a version is live with other fields.
        ImproperlyConfigured: cache and queue are one database, by whatever names.
    """
    if not conf.is_enabled():
        return  # no server is asked, nor need one be named
    queued = registry.has_queues()
    if queued:
        _refuse_one_database()
    for cache in registry.known():
        try:
            cache.announce()
            if cache.table.closed:
                logger.warning("%s", switch.words(str(cache.queue), switch.standing(cache).note))
        except QueueUnavailable as error:
            logger.warning("Version %d of %s is not announced yet: %s", cache.version, cache.name, error)
    if queued:
        _warn_of_losses()
    _warn_of_a_cache_that_remembers()


def _refuse_one_database() -> None:
    with contextlib.suppress(Unavailable, Error):  # FLUSHDB asks again
        if queue_durability.is_one_database():
            raise ImproperlyConfigured(queue_durability.ONE_DATABASE)


def _warn_of_losses() -> None:
    try:
        warnings = [
            *queue_durability.of_queue().warnings,
            *unwaited_replicas.sentences(),
            *database_addresses.sentences(),
            *forsaken_queues.sentences(),
        ]
    except QueueUnavailable:
        return  # said above
    for warning in warnings:
        logger.warning("%s", warning)


def _warn_of_a_cache_that_remembers() -> None:
    with contextlib.suppress(CacheUnavailable):  # reads and writes go on without it, and cache_ping asks again
        for warning in cache_persistence.of_cache():
            logger.warning("%s", warning)
