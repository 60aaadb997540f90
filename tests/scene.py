"""A cache with a past: what the operators' pages look like on a busy day."""

import json
import math
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from cachedemo import cache_for
from cachedemo.operations import history, keyspace, workers
from cachedemo.protocol import stats
from cachedemo.protocol.stats_kept import BY_HOURS, BY_MODELS
from cachedemo.servers.roles import CACHE, QUEUE
from tests.helpers import past_cachedemo
from users.models import User

PEOPLE = 48
OLD_KEYS = 300
MINUTES = 24 * 60
OF_MODEL = {"hits:user": 91_204, "pending:user": 912, "source:user": 5_871}


def build(operator: Any) -> None:
    """Fill both servers and the history."""
    people()
    old_version()
    foreign_keys()
    waiting_writes()
    dead_letters()
    past_day()
    past_actions(operator)
    workers.say()
    stats.gauge({"evicted": 0})
    keyspace.keep()


def people() -> None:
    users = cache_for(User)
    past_cachedemo(User).bulk_create(
        [User(pk=pk, name=f"Person {pk}", email=f"person{pk}@example.com") for pk in range(4, PEOPLE + 1)]
    )
    users.warm(range(1, PEOPLE + 1))


def old_version() -> None:
    """Last week's release: announced, and its keys still there."""
    record = {"state": "live", "since": time.time() - 6 * 86400, "fields": ["name"]}
    QUEUE.command("HSET", "{flush:users}:versions", "1", json.dumps(record))
    CACHE.pipeline([("SET", f"v1:user:{pk}", slot(pk), "EX", 20 + pk % 40) for pk in range(1, OLD_KEYS + 1)])


def slot(pk: int) -> bytes:
    return b"V%016d" % 1 + json.dumps({"id": pk, "name": f"Person {pk}"}).encode()


def foreign_keys() -> None:
    CACHE.pipeline([("SET", f"celery-task-meta-{n}", "{}", "EX", 3600) for n in range(7)])


def waiting_writes() -> None:
    users = cache_for(User)
    for pk in range(4, 16):
        users.via("write-behind").update(pk, name=f"Renamed {pk}")
    users.table.queue.claim(4, 600, 5)


def dead_letters() -> None:
    """The database refuses a mail address that somebody else has; only a writer past cachedemo queues one."""
    users = cache_for(User)
    for pk, email in ((1, "bob@example.com"), (2, "carol@example.com")):
        users.table.queue.enqueue(pk, 0, 1000, {"email": email}, None)
    claims, _ = users.table.queue.claim(500, 600, 5)
    for claim in claims:
        if claim.pk in ("1", "2"):
            users.table.queue.bury(claim, "IntegrityError: UNIQUE constraint failed: users_user.email")
    users.table.queue.release(claim.pk for claim in claims if claim.pk not in ("1", "2"))


def past_day() -> None:
    now = int(time.time()) // 60
    QUEUE.pipeline([("HSET", stats.bucket(minute // 60), *_minute(minute)) for minute in range(now - MINUTES, now)])
    hour = now // 60
    QUEUE.pipeline([("HSET", BY_HOURS.key(at // 24), *_hour(at)) for at in range(hour - 7 * 24, hour)])
    QUEUE.command("HSET", BY_MODELS.key(hour), *(part for n, v in OF_MODEL.items() for part in (f"{now % 60}:{n}", v)))


def _hour(hour: int) -> list[Any]:
    """Sixty minutes like the first, but for the levels."""
    numbers = {
        name: value * (1 if name in ("memory", "evicted") else 60) for name, value in _numbers(60 * hour).items()
    }
    return [part for name, value in (numbers | OF_MODEL).items() for part in (f"{hour % 24}:{name}", value)]


def _minute(minute: int) -> list[Any]:
    return [part for name, value in _numbers(minute).items() for part in (f"{minute % 60}:{name}", value)]


def _numbers(minute: int) -> dict[str, int]:
    wave = 1 + math.sin(minute / 90) / 2 + math.sin(minute / 7) / 8
    hits = int(90_000 * wave)
    return {
        "hits": hits,
        "pending": int(900 * wave),
        "source": int(6_000 * (1.2 - wave / 2)),
        "flushed": int(1_800 * wave),
        "batches": 60,
        "lag_ms": int(60 * 180 * wave),
        "memory": int(30e6 * (1 + math.sin(minute / 200) / 3)),
        "evicted": minute // 5 * 3,
    }


def past_actions(operator: Any) -> None:
    for minutes, code, target, seconds, counts, words in (
        (17, "flushdb", CACHE.address, 0.004, {"keys": 4812}, f"FLUSHDB of {CACHE.address}: 4,812 keys gone."),
        (41, "delete-version", "v0:user:", 12.4, {"keys": 120_000}, "Deleted: 120,000 keys of v0:user:."),
        (55, "retry-letters", "flush:users", 0.01, {"rows": 3}, "Back in the list of flush:users: 3 rows."),
    ):
        entry = history.record(operator.pk, code, target, history.DONE, seconds, counts, words)
        entry.action_time = timezone.now() - timedelta(minutes=minutes)
        entry.save(update_fields=["action_time"])
