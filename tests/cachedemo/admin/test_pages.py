"""The operators' pages: what they say, what they do, and what they say while a server is down."""

from typing import Any

import pytest
import redis
from django.test import Client

from cachedemo.operations import history, keyspace
from tests.operators import PAGES, client_of, key_page, operator, text, token, url
from tests.scene import dead_letters
from users.models import User

# Who is let in, and to what


def test_the_admin_index_links_to_it_for_those_who_may_see_it(people: list[User]) -> None:
    index = client_of(operator("view_cache")).get("/admin/").content.decode()
    assert f'href="{url("changelist")}"' in index
    assert url("changelist") == "/admin/cachedemo/cache/"
    assert url("changelist") not in client_of(operator(name="otto")).get("/admin/").content.decode()


def test_without_rights_the_buttons_are_not_there(people: list[User], users: Any) -> None:
    dead_letters()
    client = client_of(operator("view_cache"))
    for name in ("queue", "versions", "danger"):
        assert 'method="post" action="/admin/cachedemo' not in client.get(url(name)).content.decode()
    assert "bob@example.com" not in text(client.get(url("queue")))  # values need the right to inspect keys


def test_read_only_shows_everything_and_offers_nothing(client: Client, settings: Any) -> None:
    dead_letters()
    settings.CACHEDEMO = {**settings.CACHEDEMO, "READ_ONLY": True, "ALLOW_FLUSHDB": True}
    for name in PAGES:
        page = client.get(url(name))
        assert "every action is refused" in text(page)
        assert 'action="/admin/cachedemo' not in page.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_view_never_scans(client: Client, users: Any, redis_cache: redis.Redis, name: str) -> None:
    users.warm([1, 2, 3])
    keyspace.keep()
    redis_cache.config_resetstat()
    assert client.get(url(name)).status_code == 200
    used = redis_cache.info("commandstats").keys()
    assert not {each for each in used if "scan" in each or "keys" in each}  # a thread sends a script each second


def test_a_poll_gets_the_live_part_alone(client: Client) -> None:
    for name in ("changelist", "versions", "queue"):
        part = client.get(url(name), headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert "data-cd-interval" not in part


# Down

NEEDED: dict[str, list[str]] = {
    "keys": ["cache"],
    "live": [],
    "versions": ["queue"],
    "version": ["queue"],
    "queue": ["queue"],
    "history": [],
}


@pytest.mark.parametrize("role", ["cache", "queue", "both"])
@pytest.mark.parametrize("name", [*PAGES, "key", "version"])
def test_each_page_says_that_a_server_is_down_and_none_fails(
    client: Client, cache_server: Any, queue_server: Any, role: str, name: str
) -> None:
    down = ["cache", "queue"] if role == "both" else [role]
    for server in (cache_server, queue_server):
        if server.role in down:
            server.stop()
    address = url("version", "user", "1") if name == "version" else url(name)
    page = client.get(address + ("?prefix=v2:&key=v2:user:1" if name in ("keys", "key") else ""))
    assert page.status_code == 200
    if {*NEEDED.get(name, ["cache", "queue"])} & {*down}:
        assert "Redis is down" in text(page)


def test_what_only_the_queue_knows_is_unknown_while_it_is_down(client: Client, queue_server: Any) -> None:
    assert "0 pending writes that would survive" in text(client.get(url("changelist")))
    queue_server.stop()
    overview = client.get(url("changelist"))
    assert "unknown how many writes are pending: the queue does not answer" in text(overview)
    assert "0 pending writes" not in text(overview)
    assert "not in use" not in text(overview)
    versions = text(client.get(url("versions")))
    assert "current, unknown whether in use" in versions
    for page in (text(overview), versions, text(client.get(url("keys")))):
        assert "The queue server keeps the count of the keys, and does not answer: it is unknown." in page
        assert "Not counted yet" not in page
        assert "not registered now" not in page
    assert "No process has it registered" not in text(client.get(url("version", "user", "1")))
    lines = [line for chart in overview.context["charts"] for line in chart.lines]
    assert {value for line in lines for value in line.values} == {None}, "no rate is zero"


def test_how_many_keys_there_are_is_unknown_while_the_cache_is_down(client: Client, cache_server: Any) -> None:
    assert "0 keys now" in text(client.get(url("changelist")))
    cache_server.stop()
    overview = text(client.get(url("changelist")))
    assert "unknown how many keys there are: the cache does not answer" in overview
    assert "0 keys now" not in overview


@pytest.mark.parametrize("code", ["flush-now", "pause", "delete-key", "count-version"])
def test_an_action_that_meets_a_dead_server_says_so_and_is_written_down(
    client: Client, cache_server: Any, queue_server: Any, code: str
) -> None:
    page = {"delete-key": key_page("v2:user:1"), "count-version": url("version", "user", "1")}.get(code, url("queue"))
    form = {"token": token(client.get(page), code)}
    (cache_server if code in ("delete-key", "count-version") else queue_server).stop()
    answer = client.post(url(code), form)
    assert answer.status_code == 302
    (event,) = history.events(history.entries())
    assert event.outcome == "failed"
    assert "cannot be reached" in event.words


def test_a_servers_password_is_nowhere(client: Client, settings: Any) -> None:
    secret = settings.CACHEDEMO["CACHE_URL"].replace("redis://", "redis://:hunter2@")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": secret}
    for name in PAGES:
        assert "hunter2" not in client.get(url(name)).content.decode()
