"""Live: the commands of the next seconds, bounded, hidden where they hold a password, and kept nowhere."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client

from cachedemo.admin import live
from cachedemo.servers import watching
from cachedemo.servers.roles import CACHE
from tests.helpers import until
from tests.operators import text, token, url


@pytest.fixture
def traffic(redis_cache: redis.Redis) -> Iterator[None]:
    """Somebody who reads all the time."""
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(0.001):
            redis_cache.get("v2:user:of-somebody")

    thread = threading.Thread(target=read)
    thread.start()
    yield
    ended.set()
    thread.join()


def watch(client: Client) -> Any:
    address = next(iter(CACHE.servers())).address
    page = client.get(url("live"))
    number = next(i for i, button in enumerate(page.context["buttons"]) if address in button.label)
    return client.post(url("watch"), {"token": token(page, "watch", number)})


def nobody_watches(redis_cache: redis.Redis) -> bool:
    return not any(each["cmd"] == "monitor" for each in redis_cache.client_list())


def test_the_page_itself_watches_nothing_and_tells_what_it_costs(client: Client, redis_cache: redis.Redis) -> None:
    assert "It costs." in text(client.get(url("live")))
    assert nobody_watches(redis_cache)


def test_the_commands_of_the_next_seconds_are_shown_and_how_many_of_each(
    client: Client, users: Any, traffic: None
) -> None:
    page = watch(client)
    assert "v2:user:of-somebody" in text(page)
    assert ("GET", len([each for each in page.context["seen"] if each.command == "GET"])) in page.context["counts"]


def test_it_ends_after_so_many_commands_and_the_server_sends_no_more(
    client: Client, users: Any, traffic: None, monkeypatch: pytest.MonkeyPatch, redis_cache: redis.Redis
) -> None:
    monkeypatch.setattr(live, "SECONDS", 60.0)
    monkeypatch.setattr(live, "MOST", 5)
    page = watch(client)
    assert len(page.context["seen"]) == 5
    assert "then it ended" in text(page)
    until(lambda: nobody_watches(redis_cache))


def test_a_server_that_is_sent_nothing_is_watched_no_longer_than_was_said(redis_cache: redis.Redis) -> None:
    watching.watch(next(iter(CACHE.servers())), 0.2, 1000)
    until(lambda: nobody_watches(redis_cache))


def test_what_a_command_may_hide_is_hidden() -> None:
    seen = watching.Seen(0.0, "", "0", "CONFIG", "SET requirepass secret")
    assert live.shown(seen).arguments == live.HIDDEN
    assert live.shown(seen._replace(command="GET")).arguments == seen.arguments


def test_values_are_written_down_nowhere(
    client: Client, users: Any, traffic: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 5)
    watch(client)
    entry = LogEntry.objects.get(object_id="watch")
    assert "5 commands seen" in entry.change_message
    assert "of-somebody" not in entry.change_message
    assert "of-somebody" not in str(dict(client.session))


def test_a_server_that_is_down_is_said(client: Client, users: Any, cache_server: Any) -> None:
    page = client.get(url("live"))
    cache_server.stop()
    answer = client.post(url("watch"), {"token": token(page, "watch")}, follow=True)
    assert "cache" in " ".join(str(message) for message in answer.context["messages"])
