"""A queue with a replica that no write waits for is a warning wherever one looks, with the fix."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from cachedemo import registry
from cachedemo.embedded.server import HOST, EmbeddedServer
from cachedemo.operations import startup, unwaited_replicas
from cachedemo.servers import roles
from cachedemo.servers.roles import QUEUE
from tests.helpers import until

SAID = "The queue has 1 replica, and "


@pytest.fixture
def replica(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """The queue is a server with a replica."""
    with EmbeddedServer(tmp_path / "a", "queue", repl_diskless_sync_delay="0") as primary:
        with EmbeddedServer(tmp_path / "b", "queue", replicaof=f"{HOST} {primary.port}") as replica:
            settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": primary.url(1)}
            roles.reset()
            until(lambda: QUEUE.command("INFO", "replication")["connected_slaves"] == 1)
            yield replica
        roles.reset()


def test_a_queue_without_replicas_is_no_warning(transactional_db: None) -> None:
    assert unwaited_replicas.sentences() == []


def test_it_is_said_by_cache_ping(replica: EmbeddedServer, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("cache_ping")
    assert SAID in " ".join(capsys.readouterr().out.split())


def test_it_is_said_at_the_start(replica: EmbeddedServer, caplog: pytest.LogCaptureFixture) -> None:
    startup.announce_all()
    assert any(SAID in message and "set `replicas = 1`" in message for message in caplog.messages)


def test_it_is_said_on_the_overview(replica: EmbeddedServer, admin_client: Client) -> None:
    assert SAID in admin_client.get("/admin/cachedemo/cache/").content.decode()


def test_where_every_registration_waits_nothing_is_said(
    replica: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unwaited_replicas.sentences()
    for cache in registry.declared():
        monkeypatch.setattr(cache, "replicas", 1)
    assert unwaited_replicas.sentences() == []
