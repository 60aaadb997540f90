"""healthz and readyz: what they say when a server is gone, and how soon."""

import os
import signal
import time

import pytest
from django.db import connection

pytestmark = pytest.mark.usefixtures("people")

UP = {"cache": "up", "queue": "up", "database": "up", "broker": "up"}


@pytest.fixture
def database_gone():
    """A database that cannot be opened, to whoever connects from now on."""
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "/nowhere/at/all.sqlite3"
    yield
    connection.close()
    connection.settings_dict["NAME"] = name


def test_a_process_is_alive_whatever_else_is_gone(client, cache_server, queue_server, database_gone):
    cache_server.kill()
    queue_server.kill()
    assert client.get("/healthz").status_code == 200


def test_everything_is_there(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "checks": UP}
    assert "no-store" in response["Cache-Control"]


def test_without_the_cache_it_is_degraded_but_ready(client, cache_server):
    cache_server.kill()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "checks": UP | {"cache": "down"}}


def test_without_the_broker_it_is_degraded_but_ready(client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/2"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "checks": UP | {"broker": "down"}}


def test_without_the_queue_it_is_not_ready(client, queue_server):
    queue_server.kill()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": UP | {"queue": "down", "broker": "down"}}


def test_without_the_database_it_is_not_ready(client, database_gone):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": UP | {"database": "down"}}


def test_servers_that_hang_are_down_within_seconds(client, cache_server, queue_server):
    for server in (cache_server, queue_server):
        os.kill(server.pid, signal.SIGSTOP)
    started = time.monotonic()
    response = client.get("/readyz")
    assert time.monotonic() - started < 4
    assert response.status_code == 503
    assert response.json()["checks"] == {"cache": "down", "queue": "down", "database": "up", "broker": "down"}


def test_no_address_and_no_password_is_told_to_strangers(client, queue_server):
    queue_server.kill()
    assert b"127.0.0.1" not in client.get("/readyz").content
