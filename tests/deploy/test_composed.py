"""The services of compose.yaml and deploy/compose.cluster.yaml, run on this machine."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import rabbitmq
from tests.deploy.composed import ROOT, Composed
from tests.faults import postgres
from tests.helpers import missing, until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address"),
    pytest.mark.skipif("config.getoption('--postgresql')", reason="it brings servers of its own: once is enough"),
]
WRITTEN = """
import time
from cachedemo import cache_for
from users.models import User
users = cache_for(User)
row = users.create(name="Alice", email="composed@example.com")
users.via("write-behind").update(row.pk, name="Al")
while not User.objects.filter(pk=row.pk, name="Al").exists(): time.sleep(0.05)
print("a worker has flushed it")
"""


@pytest.fixture
def composed() -> Iterator[Composed]:
    if not rabbitmq.find() or not postgres.find("initdb"):
        missing("RabbitMQ or PostgreSQL is not installed")
    files = [ROOT / "compose.yaml", ROOT / "deploy/compose.cluster.yaml"]
    secrets = {"SECRET_KEY": "x" * 50, "POSTGRES_PASSWORD": "pw", "RABBITMQ_PASSWORD": "guest"}
    # Not in the folder of a test, which no other account may enter.
    with TemporaryDirectory() as folder, Composed(Path(folder), *files, **secrets) as composed:
        # The user that the broker's image makes by its environment; our own has this one.
        for service in composed.services.values():
            if url := service.get("environment", {}).get("CELERY_BROKER_URL"):
                service["environment"] |= {"CELERY_BROKER_URL": url.replace("cachedemo:", "guest:")}
                service["environment"]["ALLOWED_HOSTS"] = "*"
        yield composed


def test_every_command_runs_every_health_check_passes_and_a_worker_flushes(composed: Composed) -> None:
    for name in composed.services:
        composed.start(name)
    for name in composed.services:
        until(lambda name=name: composed.is_healthy(name), timeout=60)
    with urllib.request.urlopen(f"http://{composed.addresses['web']}:8000/readyz", timeout=10) as answer:
        assert json.load(answer)["status"] == "ready"
    assert "a worker has flushed it" in composed.run("web", "python", "manage.py", "shell", "-c", WRITTEN)
    assert "a cluster of 3 servers with hash slots" in composed.run("web", "python", "manage.py", "cache_ping")
    for name in ("web", "worker", "beat"):
        assert composed.stop(name, timeout=60) == 0, composed.log(name)
