"""healthz and readyz: what they say when a server is gone, and how soon."""

import os
import signal
import time

import pytest

from cachedemo import cache_for, conf
from cachedemo.embedded.server import EmbeddedServer, free_port
from cachedemo.protocol import stats
from tests.servers import configured, forbidden, without_memory
from users.models import User

pytestmark = pytest.mark.usefixtures("people")

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
UP = {"cache": "up", "queue": "up", "database": "up", "broker": "up"}


def said(response):
    return {name: response.json()[name] for name in ("status", "checks")}


def test_a_process_is_alive_whatever_else_is_gone(client, cache_server, queue_server, database_gone):
    cache_server.kill()
    queue_server.kill()
    assert client.get("/healthz").status_code == 200


def test_everything_is_there(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "ready", "checks": UP}
    assert "no-store" in response["Cache-Control"]


def test_without_the_cache_it_is_degraded_but_ready(client, cache_server):
    cache_server.kill()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "degraded", "checks": UP | {"cache": "down"}}


def test_a_cache_of_another_kind_is_a_url_to_be_corrected_and_not_ready(client, tmp_path, settings):
    with EmbeddedServer(tmp_path / "node", cluster_enabled="yes", cluster_port=str(free_port())) as node:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": node.url(0)}
        for _ in range(5):
            response = client.get("/readyz")
            assert response.status_code == 503
        assert said(response) == {"status": "unavailable", "checks": UP | {"cache": "down"}}


def test_a_queue_that_does_not_tell_about_itself_is_ready(client, redis_queue, settings):
    with forbidden(redis_queue, settings, "QUEUE_URL", "info"):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "ready", "checks": UP}
    assert response.json()["queue"]["persistence"] == "unknown"


def test_without_the_broker_it_is_degraded_but_ready(client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/2"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "degraded", "checks": UP | {"broker": "down"}}


def test_a_broker_that_is_no_redis_server_is_asked_too(client, settings):
    settings.CELERY_BROKER_URL = "amqp://guest:guest@127.0.0.1:1//"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "degraded", "checks": UP | {"broker": "down"}}


def test_a_broker_that_answers_and_takes_no_messages_is_down(client, settings, tmp_path):
    with EmbeddedServer(tmp_path / "broker", maxmemory="1", maxmemory_policy="noeviction") as broker:
        settings.CELERY_BROKER_URL = broker.url(0)
        assert said(client.get("/readyz")) == {"status": "degraded", "checks": UP | {"broker": "down"}}


def test_a_queue_that_takes_no_writes_is_not_ready(client, redis_queue):
    with configured(redis_queue, min_replicas_to_write=1):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert said(response) == {"status": "unavailable", "checks": UP | {"queue": "down", "broker": "down"}}


def test_a_full_queue_is_said_and_no_reason_to_send_nobody(client, redis_queue):
    """Reads go on, and writes that go to the database at once."""
    with without_memory(redis_queue):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert said(response) == {"status": "degraded", "checks": UP | {"queue": "full", "broker": "down"}}


def test_without_the_queue_it_is_not_ready(client, queue_server):
    queue_server.kill()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert said(response) == {"status": "unavailable", "checks": UP | {"queue": "down", "broker": "down"}}


def test_without_the_database_it_is_not_ready(client, database_gone):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert said(response) == {"status": "unavailable", "checks": UP | {"database": "down"}}


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


def test_readyz_says_what_the_queue_keeps_and_what_waits_in_it(client, people, redis_queue):
    cache_for(User).via("write-behind").update(1, name="Al")
    with configured(redis_queue, appendfsync="everysec"):
        queue = client.get("/readyz").json()["queue"]
    assert queue["persistence"] == "appendfsync everysec"
    assert "Up to 2 s of acknowledged writes" in queue["promise"]
    assert "appendfsync always" in queue["warnings"][0]
    assert queue["waiting"]["flush:users"] == {
        "pending": 1,
        "dead": 0,
        "owed": 0,
        "owed_overdue_seconds": 0.0,
        "stopped": None,
        "switched_off": False,
    }


def scraped(client):
    lines = client.get("/metrics").content.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics_count_reads_and_flushes_of_all_processes_and_what_waits(client, people):
    users = cache_for(User)
    users.read(1), users.read(1)
    users.via("write-behind").update(1, name="Al")
    stats.send()
    before = scraped(client)
    assert before['cachedemo_reads_total{model="user",origin="cache"}'] >= 1
    assert before['cachedemo_reads_total{model="user",origin="source"}'] >= 1
    assert before['cachedemo_pending_rows{queue="flush:users"}'] == 1
    assert before['cachedemo_oldest_pending_seconds{queue="flush:users"}'] > 0
    assert before['cachedemo_server_up{role="queue"}'] == 1
    users.drain(timeout=5)
    stats.send()
    after = scraped(client)
    assert after['cachedemo_pending_rows{queue="flush:users"}'] == 0
    flushed = 'cachedemo_flushed_rows_total{model="user"}'
    assert after[flushed] == before.get(flushed, 0) + 1


def test_metrics_say_which_server_is_down_and_nothing_it_alone_knows(client, queue_server):
    queue_server.kill()
    said = scraped(client)
    assert said['cachedemo_server_up{role="queue"}'] == 0
    assert said['cachedemo_server_up{role="cache"}'] == 1
    assert not any("pending" in name for name in said)


def test_strangers_see_no_metrics_and_no_details(client, settings):
    for address in (ELSEWHERE, {"REMOTE_ADDR": ""}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, {"HTTP_FORWARDED": "for=x"}):
        refused = client.get("/metrics", **address)
        assert refused.status_code == 403
        assert "METRICS_FOR" in refused.content.decode()
        assert client.get("/readyz", **address).json() == {"status": "ready"}
    for name in ("DEBUG", "OPEN_ACCESS"):
        setattr(settings, name, True)
        assert client.get("/metrics", **ELSEWHERE).status_code == 200
        setattr(settings, name, False)


def test_metrics_are_for_this_machine_and_the_networks_that_are_named(client, settings):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::ffff:127.0.0.1").status_code == 200
    settings.CACHEDEMO = {**settings.CACHEDEMO, "METRICS_FOR": ["192.0.2.0/24"]}
    assert client.get("/metrics", **ELSEWHERE).status_code == 200
    assert client.get("/metrics").status_code == 403


def test_metrics_are_for_whoever_sends_the_token(client, settings):
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ", **ELSEWHERE).status_code == 403
    settings.CACHEDEMO = {**settings.CACHEDEMO, "METRICS_TOKEN": "s3cret"}
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer s3cret", **ELSEWHERE).status_code == 200
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer other", **ELSEWHERE).status_code == 403
    assert client.get("/metrics", **ELSEWHERE).status_code == 403


def test_metrics_are_for_the_staff(client, django_user_model):
    account = django_user_model.objects.create_user("ann", is_staff=False)
    client.force_login(account)
    assert client.get("/metrics", **ELSEWHERE).status_code == 403
    django_user_model.objects.update(is_staff=True)
    assert client.get("/metrics", **ELSEWHERE).status_code == 200
    assert "checks" in client.get("/readyz", **ELSEWHERE).json()


def test_without_a_database_nobody_is_staff(client, django_user_model, request):
    client.force_login(django_user_model.objects.create_user("ann", is_staff=True))
    request.getfixturevalue("database_gone")
    assert client.get("/readyz", **ELSEWHERE).json() == {"status": "unavailable"}


WRONG = [("METRICS_FOR", "10.0.0.0/8"), ("METRICS_FOR", ["home"]), ("METRICS_TOKEN", 7)]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_who_may_watch_is_said_in_a_form_that_can_be_read(settings, name, value):
    settings.CACHEDEMO = {**settings.CACHEDEMO, name: value}
    assert conf.problem(name).startswith(f"CACHEDEMO['{name}'] is ")
