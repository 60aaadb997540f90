"""What a test asks of the notes' rows and of what is owed for them."""

import redis

from tests.notes.models import Note

OWED = "{flush:notes}:owed"
_OF_EACH_SHARD = "{flush:notes*}:owed"


def stored(pk: int = 1) -> tuple[str, str]:
    """Return title and body as the database has them."""
    return Note.objects.values_list("title", "body").get(pk=pk)


def stored_title(pk: int = 1) -> str:
    return stored(pk)[0]


def owed(redis_queue: redis.Redis) -> int:
    """Return how many slots are owed to the cache."""
    return sum(redis_queue.zcard(key) for key in redis_queue.scan_iter(_OF_EACH_SHARD))


def let_deadlines_pass(redis_queue: redis.Redis) -> None:
    """Make whatever is owed overdue."""
    for key in redis_queue.scan_iter(_OF_EACH_SHARD):
        redis_queue.zadd(key, dict.fromkeys(redis_queue.zrange(key, 0, -1), 0))
