"""Broker, beat or worker dead: writes are acknowledged all the same, and drained when there is a worker again."""

import pytest

from cachedemo import cache_for
from cachedemo.embedded.server import EmbeddedServer
from tests.helpers import until
from users.models import User

DRAINED_WITHIN = 5  # seconds of a worker's return
SLOWEST = 0.9  # seconds for one write; a dead broker's client would try for a second and more

WRITER = """
import time
from cachedemo import cache_for
from users.models import User

users, slowest = cache_for(User).via("write-behind"), 0
for number in range(30):
    begin = time.monotonic()
    users.update(number % 3 + 1, name=f"n{number}")
    slowest = max(slowest, time.monotonic() - begin)
    time.sleep(0.02)
print(f"slowest {slowest:.3f}")
"""


@pytest.fixture
def broker(tmp_path):
    """A broker of the test's own: when it dies, the queue does not."""
    with EmbeddedServer(tmp_path / "broker", role="queue") as server:
        yield server


def names():
    return list(User.objects.order_by("pk").values_list("name", flat=True))


def write(run_code, broker):
    """Queue thirty writes in a process that asks this broker for a flush; return how long the slowest took."""
    writer = run_code(WRITER, CELERY_BROKER_URL=broker.url(2))
    return float(writer.finish().rpartition("slowest ")[2])


def test_with_broker_worker_and_beat_dead_writes_are_acknowledged_and_drained_when_they_are_back(
    people, run_code, start_worker, broker, redis_queue
):
    worker = start_worker("-B", "--concurrency=1", CELERY_BROKER_URL=broker.url(2))
    worker.kill()
    worker.wait()
    broker.kill()
    assert write(run_code, broker) < SLOWEST
    assert redis_queue.zcard("{flush:users}:pending") == 3
    assert [user.name for user in cache_for(User).get_many([1, 2, 3]).values()] == ["n27", "n28", "n29"]
    broker.start()
    start_worker("-B", "--concurrency=1", CELERY_BROKER_URL=broker.url(2))
    until(lambda: names() == ["n27", "n28", "n29"], timeout=DRAINED_WITHIN)


def test_with_beat_dead_a_worker_is_asked_by_the_writers(people, run_code, start_worker, broker):
    start_worker("--pool=solo", CELERY_BROKER_URL=broker.url(2))
    assert write(run_code, broker) < SLOWEST
    until(lambda: names() == ["n27", "n28", "n29"], timeout=DRAINED_WITHIN)
