"""What tests share: waiting for a condition, this thread and no other, and what a missing tool means."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import pytest
from django.db import connection

T = TypeVar("T")

one_shard = pytest.mark.skipif("config.getoption('--shards')", reason="looks at the keys of a queue of one shard")


def until(condition: Callable[[], T], timeout: float = 30.0, interval: float = 0.02) -> T:
    """Return the first true answer of `condition`, or fail the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"After {timeout} s still not: {getattr(condition, '__name__', condition)}, {answer!r}")
        time.sleep(interval)
    return answer


def past_cachedemo(model: Any) -> Any:
    """Return a queryset of a registered model whose bulk methods take no steps, like raw SQL."""
    from django.db import models

    return models.QuerySet(model)


def this_thread() -> Callable[[], bool]:
    """Return what says whether it is called in this thread: others, the statistics', make trips of their own."""
    mine = threading.get_ident()
    return lambda: threading.get_ident() == mine


def opening() -> list[str]:
    """Return the statements that Django opens a transaction with; psycopg sends its BEGIN itself, unseen."""
    return ["BEGIN"] if connection.vendor == "sqlite" else []


def missing(what: str) -> NoReturn:
    """Skip a test whose tool is not installed here; in CI, where everything must be, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(what)


def counted_from_zero(queue: Any) -> None:
    """Let this process have counted nothing yet, and the queue server have been told of nothing."""
    from cachedemo.protocol import stats

    with stats._sending:  # what is just being sent arrives before it is deleted
        stats._forget()
    for key in queue.scan_iter("*{cachedemo}:stats*"):
        queue.delete(key)


def entries(queue: Any, key: str) -> dict[bytes, bytes]:
    """Return what waits under the key of a row, as a hash has it, also where it is packed."""
    from cachedemo.protocol.waiting import pairs
    from cachedemo.protocol.waiting_fields import unpacked

    return pairs(unpacked(queue.get(key))) if queue.type(key) == b"string" else queue.hgetall(key)


def as_hash(queue: Any, key: str) -> str:
    """Let what waits for a row be a hash, to put something into it; return its key."""
    found = entries(queue, key)
    queue.delete(key)
    queue.hset(key, mapping=found)
    return key
