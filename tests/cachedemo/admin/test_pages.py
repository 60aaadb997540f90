"""The operators' pages: what they say, what they do, and what they say while a server is down."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from cachedemo import cache_for, tasks
from cachedemo.admin import letters
from cachedemo.operations import history, keyspace, pause, workers
from cachedemo.protocol import database, stats
from cachedemo.protocol.claimer import process_name
from cachedemo.servers.roles import CACHE, Role
from tests.helpers import this_thread
from tests.operators import ALL, client_of, operator, text, token, url
from tests.scene import dead_letters
from users.models import User

PAGES = ("changelist", "versions", "keys", "queue", "server", "danger", "history")


@pytest.fixture
def users(people: list[User]) -> Any:
    return cache_for(User)


@pytest.fixture
def client(people: list[User]) -> Client:
    return client_of(operator(*ALL))


def press(client: Client, page: str, action: str, number: int = 0, **fields: str) -> str:
    """Send the form for an action that stands on a page; return what the next page says."""
    form = {"token": token(client.get(page), action, number), **fields}
    return text(client.post(url(action), form, follow=True))


def key_page(key: str) -> str:
    return f"{url('key')}?key={key}"


# Who is let in, and to what


def test_it_is_reached_as_cache_in_the_admin_index_by_whoever_may_see_it(people: list[User]) -> None:
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


# The overview


def test_the_overview_answers_the_first_questions(client: Client, users: Any) -> None:
    users.warm([1, 2, 3])
    users.read_many([1, 2, 3])
    users.via("write-behind").update(1, name="Al")
    stats.send()
    keyspace.keep()
    workers.say()
    seen = text(client.get(url("changelist")))
    assert "Hit ratio, last minute" in seen
    assert "Keys and memory 3" in seen
    assert "of 64.0 MB" in seen
    assert "Pending writes 1" in seen
    assert "Dead letters 0" in seen
    assert f"Workers alive 1 {process_name()}" in seen
    assert "Circuit breaker Closed" in seen
    assert "No loss on disk before it is acknowledged (AOF, fsync always)" in seen
    assert "v2:user: current 3" in seen
    assert f"FLUSHDB {CACHE.address} 3 keys, 0 not ours, 1 pending write that would survive" in seen


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("appendfsync", "everysec", "Up to 2 s of acknowledged writes may be lost"), ("appendonly", "no", "In memory")],
)
def test_a_queue_that_may_lose_writes_is_called_so(
    client: Client, redis_queue: redis.Redis, option: str, value: str, words: str
) -> None:
    before = redis_queue.config_get(option)[option]
    redis_queue.config_set(option, value)
    try:
        assert words in text(client.get(url("changelist")))
    finally:
        redis_queue.config_set(option, before)


def test_the_overviews_own_calls_are_a_fixed_handful(
    client: Client, users: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[str] = []
    ours, run = this_thread(), Role._run

    def counted(role: Role, *arguments: Any, **options: Any) -> Any:
        if ours():
            trips.append(role.name)
        return run(role, *arguments, **options)

    monkeypatch.setattr(Role, "_run", counted)
    client.get(url("changelist"))
    assert sorted(trips) == ["cache", "queue"]
    redis_cache.mset({f"v2:user:{pk}": "x" for pk in range(5000)})
    trips.clear()
    client.get(url("changelist") + "?range=day")
    assert sorted(trips) == ["cache", "queue"]
    redis_cache.flushdb()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_view_never_scans(client: Client, users: Any, redis_cache: redis.Redis, name: str) -> None:
    users.warm([1, 2, 3])
    keyspace.keep()
    redis_cache.config_resetstat()
    assert client.get(url(name)).status_code == 200
    used = redis_cache.info("commandstats").keys()
    assert not {command for command in used if "scan" in command or "eval" in command or "keys" in command}


def test_a_poll_gets_the_live_part_alone(client: Client) -> None:
    for name in ("changelist", "versions", "queue"):
        part = client.get(url(name), headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert "data-cd-interval" not in part


def test_the_charts_mark_a_flushdb_and_a_deleted_version(client: Client) -> None:
    user = operator("view_cache", name="otto")
    for minutes, code in ((10, "flushdb"), (20, "delete-version"), (30, "pause"), (90, "flushdb")):
        entry = history.record(user.pk, code, f"on-{code}-{minutes}", history.DONE, 1, {}, "")
        LogEntry.objects.filter(pk=entry.pk).update(action_time=timezone.now() - timedelta(minutes=minutes))
    page = client.get(url("changelist"))
    assert page.content.decode().count('class="cd-marker"') == 2 * 6
    assert "FLUSHDB, on-flushdb-10, otto" in text(page)
    assert "on-pause-30" not in text(page)
    assert "on-flushdb-90" not in text(page)
    assert "on-flushdb-90" in text(client.get(url("changelist") + "?range=day"))


def test_the_charts_mark_when_a_version_was_announced(client: Client, users: Any) -> None:
    users.announce()
    assert "v2:user: was announced" in text(client.get(url("changelist")))


def test_a_chart_has_a_gap_where_nothing_is_known() -> None:
    from cachedemo.admin.charts import path, round_up, thin

    assert path([0, 50, None, 100], 100) == "M0 100.0h0L1 50.0M3 0.0h0"
    assert [round_up(value) for value in (0, 0.3, 1, 3, 17, 99, 1002)] == [1, 0.5, 1, 5, 20, 100, 2000]
    assert thin([1, None, 3, None, None, None], 3, max) == [3, None]


# Down

NEEDED = {"keys": ["cache"], "versions": ["queue"], "version": ["queue"], "queue": ["queue"], "history": []}


@pytest.mark.parametrize("role", ["cache", "queue", "both"])
@pytest.mark.parametrize("name", [*PAGES, "key", "version"])
def test_a_server_that_is_down_is_said_and_no_page_fails(
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


# Keys


def test_a_search_shows_kind_lifetime_and_size(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.warm([1, 2])
    with pytest.raises(User.DoesNotExist):
        users.read(99)
    redis_cache.set("celery-task-1", "x", ex=60)
    seen = text(client.get(url("keys") + "?prefix=v2:user:"))
    assert "v2:user:1 value" in seen
    assert "v2:user:99 missing" in seen
    assert "celery" not in seen
    assert "celery-task-1 not ours (string)" in text(client.get(url("keys") + "?prefix=cel"))


def test_a_long_search_goes_on_from_its_cursor_and_finds_every_key(client: Client, redis_cache: redis.Redis) -> None:
    redis_cache.mset({f"v2:user:{pk}": "x" for pk in range(12_000)})
    found, cursor, pages = set(), "0", 0
    while cursor and pages < 400:
        page = client.get(url("keys"), {"prefix": "v2:user:1", "cursor": cursor})
        found |= {key.key for key in page.context["found"]}
        cursor, pages = str(page.context["next"] or ""), pages + 1
    assert found == {f"v2:user:{pk}" for pk in range(12_000) if str(pk).startswith("1")}
    assert pages > 10
    redis_cache.flushdb()


def test_a_key_is_shown_beside_the_pending_write_and_the_row(client: Client, users: Any) -> None:
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    page = client.get(key_page("v2:user:1"))
    rows = {row.name: (row.cached, row.pending, row.row, row.differs) for row in page.context["rows"]}
    assert rows["name"] == ("Al", "Al", "Alice Singh", True)
    assert rows["email"] == ("alice@example.com", None, "alice@example.com", False)
    assert "differs" in text(page)


def test_a_key_of_somebody_else_is_named_and_not_opened(client: Client, redis_cache: redis.Redis) -> None:
    redis_cache.set("celery-task-1", "secret", ex=60)
    page = client.get(key_page("celery-task-1"))
    assert "not ours" in text(page)
    assert "secret" not in text(page)
    assert 'method="post" action="/admin/cachedemo' not in page.content.decode()


def test_a_key_is_deleted_and_a_lifetime_set(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    assert "v2:user:1 lives 7 s from now" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")
    assert 0 < redis_cache.ttl("v2:user:1") <= 7
    for nonsense in ("0", "-5", "x", "1e3", "86401", ""):
        assert "A TTL is a whole number" in press(client, key_page("v2:user:1"), "set-ttl", seconds=nonsense)
    assert "v2:user:1 was deleted" in press(client, key_page("v2:user:1"), "delete-key")
    assert redis_cache.exists("v2:user:1") == 0
    assert "is gone" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")


def test_no_lifetime_is_set_on_a_writers_mark(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.table.slots.mark(1, "0123456789abcdef")
    assert "is a mark now" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")
    assert redis_cache.ttl("v2:user:1") > 7


def test_a_refresh_loads_what_every_read_returns(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    User.objects.filter(pk=1).update(email="past@cachedemo.example")
    assert b"alice@example.com" in redis_cache.get("v2:user:1")
    assert "was loaded from the source" in press(client, key_page("v2:user:1"), "refresh-key")
    assert b"past@cachedemo.example" in redis_cache.get("v2:user:1")
    assert b'"Al"' in redis_cache.get("v2:user:1")


# The flush queue


def test_the_queue_shows_what_is_in_flight_with_owner_and_deadline(client: Client, users: Any) -> None:
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name="x")
    users.table.queue.claim(2, 30, 5)
    page = client.get(url("queue"))
    state = next(state for state in page.context["queues"] if state.cache is users)
    assert (state.depth, state.listed, state.in_flight, state.dead) == (3, 1, 2, 0)
    assert [claim.owner for claim in state.claims] == [process_name()] * 2
    assert all(25 < claim.deadline - time.time() <= 30 for claim in state.claims)


def test_the_queue_shows_what_is_owed_and_for_how_long(client: Client, users: Any, redis_queue: redis.Redis) -> None:
    redis_queue.zadd("{flush:users}:owed", {"1:cache": (time.time() - 40) * 1_000_000, "2:cache": 1e17})
    assert "Slots owed 2 overdue 40 s" in text(client.get(url("queue")))


def test_flush_now_needs_no_worker_and_works_while_paused(client: Client, users: Any) -> None:
    users.via("write-behind").update(1, name="Al")
    pause.pause(users, "olga")
    assert "Taken from the list of flush:users: 1 row." in press(client, url("queue"), "flush-now")
    assert User.objects.get(pk=1).name == "Al"


def test_a_paused_queue_waits_until_it_is_resumed(client: Client, users: Any) -> None:
    users.read(1)
    assert "flush:users is paused" in press(client, url("queue"), "pause")
    users.via("write-behind").update(1, name="Al")
    tasks.flush("flush:users")
    assert User.objects.get(pk=1).name == "Alice Singh"
    assert "paused by olga" in text(client.get(url("queue")))
    assert "paused: flush:users" in text(client.get(url("changelist")))
    assert "flush:users is flushed again" in press(client, url("queue"), "resume")
    tasks.flush("flush:users")
    assert User.objects.get(pk=1).name == "Al"


def test_a_pause_leaves_what_is_owed_to_the_cache_alone(users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    pause.pause(users, "olga")
    users.table.queue.owe([1])
    tasks.flush("flush:users")
    assert redis_cache.exists("v2:user:1") == 0


def test_somebody_elses_pause_is_not_taken_for_granted(client: Client, users: Any) -> None:
    form = {"token": token(client.get(url("queue")), "pause")}
    pause.pause(users, "otto")
    assert "Nothing was done" in text(client.post(url("pause"), form, follow=True))
    assert "paused by otto" in text(client.get(url("queue")))


def test_dead_letters_are_shown_field_by_field_and_the_button_says_how_many(client: Client) -> None:
    dead_letters()
    seen = text(client.get(url("queue")))
    assert "UNIQUE constraint failed" in seen
    assert "email bob@example.com alice@example.com" in seen
    assert "Retry all 2" in seen
    assert "Discard all 2" in seen


def test_one_letter_is_retried_and_the_other_stays(client: Client, users: Any) -> None:
    dead_letters()
    assert "Back in the list of flush:users: 1 row." in press(client, url("queue"), "retry-letters", pk="1")
    assert users.table.queue.dead().keys() == {"2"}


def test_all_letters_are_discarded_and_reads_return_the_row(client: Client, users: Any) -> None:
    dead_letters()
    assert "Given up: the refused writes of 2 rows of flush:users." in press(
        client, url("queue"), "discard-letters", which="all"
    )
    assert users.table.queue.dead() == {}
    assert users.get(1).email == "alice@example.com"


def test_without_the_right_to_inspect_keys_the_databases_words_are_hidden_too(people: list[User]) -> None:
    dead_letters()
    seen = text(client_of(operator("view_cache")).get(url("queue")))
    assert "IntegrityError" in seen
    assert "users_user.email" not in seen
    assert "alice@example.com" not in seen


def test_a_few_of_many_dead_letters_are_shown_and_only_those_are_looked_up(
    client: Client, users: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_letters()
    monkeypatch.setattr(letters, "SHOWN", 1)
    looked_up: list[Any] = []
    select_many = database.select_many
    monkeypatch.setattr(database, "select_many", lambda cache, pks: looked_up.extend(pks) or select_many(cache, pks))
    seen = text(client.get(url("queue")))
    assert looked_up == [1]
    assert "Retry these 1" in seen
    assert "1 more are not shown" in seen


def test_nothing_ticked_is_nothing_done(client: Client, users: Any) -> None:
    dead_letters()
    assert "No dead letter is ticked" in press(client, url("queue"), "discard-letters")
    assert "Nothing was done" in press(client, url("queue"), "discard-letters", pk="3")
    assert len(users.table.queue.dead()) == 2


def test_a_letter_that_has_changed_since_it_was_shown_is_left_alone(client: Client, users: Any) -> None:
    dead_letters()
    page = client.get(url("queue"))
    users.table.queue.retry(["1"])
    form = {"token": token(page, "discard-letters"), "which": "all"}
    assert "Nothing was done" in text(client.post(url("discard-letters"), form, follow=True))
    assert users.table.queue.dead().keys() == {"2"}


def test_a_letter_that_was_refused_anew_or_not_shown_is_left_alone(client: Client, users: Any) -> None:
    dead_letters()
    page = client.get(url("queue"))
    users.table.queue.retry(["1"])
    users.drain(timeout=5)  # refused again, for all that anybody knows because of something newer
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.drain(timeout=5)
    for pk in ("1", "3"):
        form = {"token": token(page, "discard-letters"), "pk": pk}
        assert "Nothing was done" in text(client.post(url("discard-letters"), form, follow=True))
    assert users.table.queue.dead().keys() == {"1", "2", "3"}


# Servers


def test_both_servers_describe_themselves(client: Client, redis_cache: redis.Redis) -> None:
    seen = text(client.get(url("server")))
    assert "allkeys-lru" in seen
    assert "aof_enabled" in seen
    assert "Sam" in seen  # the memory doctor


def test_slow_commands_show_arguments_to_whoever_may_inspect_keys(client: Client, redis_cache: redis.Redis) -> None:
    before = redis_cache.config_get("slowlog-log-slower-than")["slowlog-log-slower-than"]
    redis_cache.config_set("slowlog-log-slower-than", 0)
    redis_cache.get("v2:user:of-somebody")
    redis_cache.config_set("slowlog-log-slower-than", before)
    try:
        assert "GET v2:user:of-somebody" in text(client.get(url("server")))
        seen = text(client_of(operator("view_cache", name="otto")).get(url("server")))
        assert "GET (arguments hidden)" in seen
        assert "of-somebody" not in seen
        assert "slower-than" not in text(client.get(url("server")))  # CONFIG may set a password
    finally:
        redis_cache.slowlog_reset()


def test_a_servers_password_is_nowhere(client: Client, settings: Any) -> None:
    secret = settings.CACHEDEMO["CACHE_URL"].replace("redis://", "redis://:hunter2@")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": secret}
    for name in PAGES:
        assert "hunter2" not in client.get(url(name)).content.decode()


# The history


def test_every_action_is_in_the_history_and_can_be_looked_for(client: Client, users: Any) -> None:
    press(client, url("queue"), "pause")
    press(client, url("queue"), "flush-now", number=1)
    press(client, key_page("v2:user:1"), "set-ttl", seconds="x")
    seen = text(client.get(url("history")))
    assert "olga Paused the flush flush:users done" in seen
    assert "Set a TTL v2:user:1 refused" in seen
    found = client.get(url("history") + "?action=pause").context["events"]
    assert [event.code for event in found] == ["pause"]
    assert [event.code for event in client.get(url("history") + "?outcome=refused").context["events"]] == ["set-ttl"]
    assert client.get(url("history") + "?who=nobody").context["events"] == []


# Workers


def test_a_worker_says_that_it_is_alive_and_counts_the_keys(
    client: Client, users: Any, start_worker: Callable[..., Any]
) -> None:
    users.warm([1, 2, 3])
    worker = start_worker("--pool=solo")
    from tests.helpers import until

    until(lambda: "v2:user: current 3" in text(client.get(url("changelist"))))
    assert f":{worker.pid}" in text(client.get(url("changelist")))
    worker.terminate()
    worker.wait(15)
    assert "Workers alive 0" in text(client.get(url("changelist")))
