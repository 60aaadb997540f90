"""System checks of the example project."""

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from config import environment


@register()
def one_server_for_everything(**_: Any) -> list[CheckMessage]:
    """Warn where one server plays the cache and the queue, because it can have one eviction policy only."""
    filled = environment.roles_of_redis_url()
    if not {"CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL"} <= set(filled):
        return []
    return [
        Warning(
            "REDIS_URL alone names the cache and the queue, and one server has one eviction policy: allkeys-lru may "
            "evict acknowledged writes, noeviction makes a full cache refuse new ones.",
            hint="Give CACHEDEMO_QUEUE_URL a server of its own, with noeviction and appendonly, before real use.",
            id="config.W001",
        )
    ]
