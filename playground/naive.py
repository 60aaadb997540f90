"""The article's code in Python, and the mistakes it warns of. Wrong on purpose: for the lab and the lesson only.

One Redis holds the cache and the queue, keys have no version, and nothing tells a late fill from a fresh one.
"""

import json
from typing import Any

from django.db import models, transaction

from cachedemo.protocol import transactions
from cachedemo.servers.roles import CACHE
from users.models import User

TTL_SECONDS = 60
FLUSH_QUEUE = "flush:users"

Row = dict[str, Any]


def key(pk: int) -> str:
    return f"user:{pk}"


def db_get_user(pk: int) -> Row | None:
    transactions.trip("default")
    user = User.objects.filter(pk=pk).values("id", "name", "email").first()
    return dict(user) if user else None


def db_put_user(user: Row) -> Row:
    transactions.trip("default")
    with transaction.atomic():
        models.QuerySet(User).filter(pk=user["id"]).update(name=user["name"], email=user["email"])
    return user


def get_user(pk: int) -> Row | None:
    """Ask the cache; on a miss, ask the database and fill the cache."""
    cached = CACHE.command("GET", key(pk))
    if cached:
        return json.loads(cached)
    user = db_get_user(pk)
    if user is None:
        return None
    CACHE.command("SET", key(pk), json.dumps(user), "EX", TTL_SECONDS)
    return user


def update_user(user: Row) -> Row:
    """Cache-aside: write the database first, invalidate afterwards."""
    written = db_put_user(user)
    CACHE.command("DEL", key(user["id"]))
    return written


def update_user_invalidating_first(user: Row) -> Row:
    """The order that the article calls a common bug."""
    CACHE.command("DEL", key(user["id"]))
    return db_put_user(user)


def put_user(user: Row) -> Row:
    """Write-through: the database and the cache in the same call."""
    db_put_user(user)
    CACHE.command("SET", key(user["id"]), json.dumps(user), "EX", TTL_SECONDS)
    return user


def put_user_behind(user: Row) -> Row:
    """Write-behind: the cache at once, the database when the flusher comes to it."""
    CACHE.command("SET", key(user["id"]), json.dumps(user), "EX", TTL_SECONDS)
    CACHE.command("RPUSH", FLUSH_QUEUE, json.dumps(user))
    return user


def flush(batch_size: int = 10) -> int:
    """One turn of the article's flusher: take a batch off the list, then write it."""
    items: list[Row] = []
    for _ in range(batch_size):
        item = CACHE.command("LPOP", FLUSH_QUEUE)
        if not item:
            break
        items.append(json.loads(item))
    for user in items:
        db_put_user(user)
    return len(items)
