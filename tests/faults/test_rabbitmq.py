"""RabbitMQ as the broker: flushes by a real worker, and what is said while it is dead."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cachedemo import cache_for
from tests import rabbitmq
from tests.helpers import missing, until
from tests.rabbitmq import RabbitMQ
from users.models import User

pytestmark = [
    pytest.mark.timeout(180),  # a node of Erlang takes its time to start
    pytest.mark.skipif("config.getoption('--postgresql')", reason="the database makes no difference: SQLite only"),
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    if not rabbitmq.find():
        missing("RabbitMQ (Debian, Ubuntu: apt install rabbitmq-server)")
    with RabbitMQ(Path(tmp_path_factory.mktemp("broker")) / "rabbitmq") as broker:
        yield broker


def says_of_broker(client: Client, settings: Any, broker: RabbitMQ) -> str:
    settings.CELERY_BROKER_URL = broker.url
    said = client.get("/readyz").json()
    return str(said["checks"]["broker"])


WRITER = """
from cachedemo import cache_for
from users.models import User
cache_for(User).via("write-behind").update(1, name="{name}")
"""
# As a process that serves goes on, so that its thread can ask for the flush.
STAYS = """
import time
while cache_for(User).table.queue.depth():
    time.sleep(0.05)
"""


def name() -> str:
    return User.objects.get(pk=1).name


@pytest.mark.usefixtures("people", "open_access")
def test_writes_are_flushed_through_rabbitmq_and_acknowledged_while_it_is_dead(
    broker: RabbitMQ,
    run_code: Callable[..., Any],
    start_worker: Callable[..., Any],
    client: Client,
    settings: Any,
) -> None:
    assert says_of_broker(client, settings, broker) == "up"
    worker = start_worker("--pool=solo", CELERY_BROKER_URL=broker.url)
    run_code(WRITER.format(name="flushed") + STAYS, CELERY_BROKER_URL=broker.url).finish()
    assert name() == "flushed"

    broker.kill()
    assert says_of_broker(client, settings, broker) == "down"
    run_code(WRITER.format(name="late"), CELERY_BROKER_URL=broker.url).finish()
    assert cache_for(User).get(1).name == "late"
    assert name() == "flushed"

    broker.start()
    until(lambda: says_of_broker(client, settings, broker) == "up")
    worker.end()
    start_worker("-B", "--concurrency=1", CELERY_BROKER_URL=broker.url)
    until(lambda: name() == "late")


@pytest.mark.usefixtures("people", "open_access")
def test_a_broker_with_its_alarm_on_takes_no_messages_and_counts_as_down(
    broker: RabbitMQ, run_code: Callable[..., Any], client: Client, settings: Any
) -> None:
    """It signs everybody in, and reads no more from whoever sends it something."""
    broker.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        until(lambda: says_of_broker(client, settings, broker) == "down")
        run_code(WRITER.format(name="late"), CELERY_BROKER_URL=broker.url).finish()
        assert cache_for(User).get(1).name == "late"
    finally:
        broker.control("set_vm_memory_high_watermark", "0.4")
    until(lambda: says_of_broker(client, settings, broker) == "up")
