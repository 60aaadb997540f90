"""The playground without JavaScript: what its pages say and keep, and that without open access there are none."""

import html
import itertools
import json
import re
import shlex
import time
from io import StringIO

import pytest
import redis
from django.core.management import call_command

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.operations import pause, workers
from cachedemo.servers.roles import CACHE, QUEUE
from demo import visitor_actions
from playground import charts, comparison, flush_traces, keep, timeline
from playground.bench import report
from playground.bench.measurements import Sizes
from playground.bench.run import run
from tests.helpers import until
from users.models import User
from users.pages import prospects

pytestmark = pytest.mark.usefixtures("people", "open_access")

PAGES = [
    "/compare/",
    "/lab/",
    "/lab/stale-fill/",
    "/bench/",
    "/source/cachedemo/protocol/slots.py",
    "/source/playground/naive.py",
    "/cache-aside/users/1/state/",
]


@pytest.fixture
def open_access(settings):
    settings.OPEN_ACCESS = True


@pytest.fixture
def users():
    users = cache_for(User)
    users.announce()
    return users


def names_of(client: redis.Redis) -> list[bytes]:
    """Return the keys but for the statistics, which a thread sends when it likes."""
    return sorted(key for key in client.scan_iter() if b"stats" not in key)


def text_of(response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def write(client, pattern, name, pk=1):
    shown = client.get(f"/{pattern}/users/{pk}/").content.decode()
    sent = dict(re.findall(r'name="((?:initial-)?(?:name|email|etag))" value="([^"]*)"', shown))
    return client.post(
        f"/{pattern}/users/{pk}/", {key: html.unescape(value) for key, value in sent.items()} | {"name": name}
    )


@pytest.mark.parametrize("address", [*PAGES, "/lab/stale-fill/0123456789ab/", "/bench/0123456789ab/"])
def test_without_open_access_there_is_no_playground(client, settings, address):
    settings.OPEN_ACCESS = False
    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404


def test_without_open_access_the_plain_page_is_served_and_leads_nowhere_else(admin_client, settings):
    settings.OPEN_ACCESS = False
    page = admin_client.get("/cache-aside/users/1/").content.decode()
    assert "timeline" not in page
    assert "/lab/" not in page


@pytest.mark.parametrize("address", PAGES)
def test_each_page_is_there(client, address):
    assert client.get(address).status_code == 200


def test_a_read_shows_its_steps_in_order_with_their_lines(client):
    page = text_of(client.get("/cache-aside/users/1/"))
    words = [
        "look in the cache: it is empty",
        "take the lease",
        "what waits for this row: nothing",
        "read the row",
        "put what was",
    ]
    assert [page.index(each) for each in words] == sorted(page.index(each) for each in words)
    assert "cachedemo/protocol/slots.py:" in page
    assert "This read, from the database" in page


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("cache-aside", ["get a stamp", "commit: the database has it", "now it may be acknowledged"]),
        (
            "write-through",
            ["mark the slot", "get a stamp", "commit: the database has it", "now it may be acknowledged"],
        ),
        ("write-behind", ["the queue takes the write", "show the queued write in the cache"]),
    ],
)
def test_a_write_leads_to_its_timeline_under_an_address_that_stays(client, pattern, words):
    answer = write(client, pattern, "Al")
    assert answer.status_code == 302
    assert "?trace=" in answer["Location"]
    for _ in range(2):
        page = text_of(client.get(answer["Location"]))
        assert f"This write, {pattern}" in page
        assert all(each in page for each in words)
    assert "-X PATCH http://testserver/api" in page


def test_the_request_as_curl_is_a_request_of_the_api(client, users):
    answer = write(client, "write-through", "Al 'the' \"Ox\"")
    page = client.get(answer["Location"]).content.decode()
    command = shlex.split(html.unescape(re.search(r'id="curl"[^>]*>(.*?)</code>', page)[1]))
    assert json.loads(command[-1]) == {"name": "Al 'the' \"Ox\""}
    sent = client.patch(command[command.index("PATCH") + 1], data=command[-1], content_type="application/json")
    assert sent.status_code == 200


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_visit_has_its_timeline_and_its_curl_adds_another(client, users, pattern):
    answer = client.post(f"/{pattern}/users/1/", {"visit": "1"})
    page = client.get(answer["Location"])
    assert f"This write, {pattern}" in text_of(page)
    command = shlex.split(html.unescape(re.search(r'id="curl"[^>]*>(.*?)</code>', page.content.decode())[1]))
    sent = client.patch(command[command.index("PATCH") + 1], data=command[-1], content_type="application/json")
    assert sent.status_code in (200, 202)
    assert users.get(1).visits == 2


def test_a_visit_can_be_held_too(client, users):
    client.post("/write-behind/users/1/", {"visit": "1", "hold": "on"})
    assert pause.is_paused(users)


def test_a_refused_write_keeps_the_form_and_shows_what_was_done(client):
    page = client.get("/cache-aside/users/1/").content.decode()
    etag = html.unescape(re.search(r'name="etag" value="([^"]*)"', page)[1])
    form = {
        "name": "A",
        "initial-name": "Alice Singh",
        "email": "bob@example.com",
        "initial-email": "alice@example.com",
    }
    answer = client.post("/cache-aside/users/1/", form | {"etag": etag})
    assert answer.status_code == 422
    assert "roll back: nothing was written" in text_of(answer)


@pytest.mark.parametrize("kept", ["nothing", "../../../etc/passwd", "0123456789ab"])
def test_a_permalink_to_nothing_shows_the_read_instead(client, kept):
    assert "This read" in text_of(client.get("/cache-aside/users/1/", {"trace": kept}))


def test_the_simulated_way_can_be_left_out_of_the_scale(client, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "SOURCE_LATENCY_MS": 50}
    page = client.get("/cache-aside/users/1/").content.decode()
    address = html.unescape(re.search(r'href="([^"]*scale=net)"', page)[1])
    net = text_of(client.get(address))
    assert "the simulated way to the database" in html.unescape(page)
    assert "the simulated way to the database" not in net
    assert "take the lease" in net


def test_bars_are_to_scale_and_one_round_trip_is_drawn_as_one():
    step = {"server": "cache", "command": "GET", "purpose": "", "error": "", "stack": []}
    steps = [
        step | {"start": 100.0, "took": 300.0, "trip": 1},
        step | {"start": 100.0, "took": 300.0, "trip": 1},
        step | {"start": 900.0, "took": 100.0, "trip": 2},
    ]
    drawn = timeline.timeline("", steps)
    assert [(row.x, row.width, row.shares) for row in drawn.rows] == [
        ("0.0", "333.3", False),
        ("0.0", "333.3", True),
        ("888.9", "111.1", False),
    ]
    assert drawn.total == "900 µs"
    assert drawn.counts == [("cache", 3, "400 µs")]


def state(client, pk=1) -> str:
    return text_of(client.get(f"/cache-aside/users/{pk}/state/"))


def test_the_three_places_stand_side_by_side_and_differences_are_marked(client, users):
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    before = state(client)
    assert "name Al Al Alice Singh older" in before
    assert "A write of name is acknowledged and waits for the worker." in before
    users.drain(timeout=5)
    after = state(client)
    assert "older" not in after
    assert "Nothing waits" in after


def test_what_is_added_stands_in_the_queue_with_its_sign_and_only_the_database_is_older(client, users):
    users.get(1)
    users.via("write-behind").increment(1, visits=3)
    assert re.search(r"visits 3 \+3 0 older", state(client))
    users.via("write-behind").update(1, visits=7)
    users.via("write-behind").increment(1, visits=-2)
    assert re.search(r"visits 5 7, -2 0 older", state(client))


def test_a_claimed_write_and_a_dead_letter_are_told_apart(client, users):
    users.via("write-behind").update(1, name="Al")
    [claim], _ = users.table.queue.claim(10, 60, 5)
    assert "A flush holds the write of name" in state(client)
    users.table.queue.bury(claim, "refused")
    assert "dead letter" in state(client)


def test_looking_at_the_places_changes_none_of_them(client, users, redis_cache, redis_queue):
    users.via("write-behind").update(1, name="Al")
    before = names_of(redis_cache), names_of(redis_queue)
    state(client, 1)
    state(client, 2)
    assert (names_of(redis_cache), names_of(redis_queue)) == before


def test_a_place_that_does_not_answer_is_named(client, users, cache_server):
    users.read(1)
    cache_server.kill()
    assert "cache does not answer" in state(client)


@pytest.mark.parametrize(
    "address", ["config/settings.py", "users/../config/settings.py", ".env", "cachedemo/none.py", "/etc/passwd"]
)
def test_only_our_own_sources_are_shown(client, address):
    assert client.get(f"/source/{address}").status_code == 404


def test_a_source_is_shown_with_an_address_for_each_line(client):
    page = client.get("/source/cachedemo/protocol/lua/mark.lua").content.decode()
    assert 'id="L1"' in page
    assert "mark(keys=[slot]" in page


# compare and bench


def test_compare_says_so_when_nobody_flushes(monkeypatch):
    monkeypatch.setattr(comparison, "PATIENCE", 0.05)
    assert comparison.compare()["columns"][2]["differed"] is None
    assert User.objects.count() == 3


def test_the_bench_has_the_articles_table_leaves_nothing_behind_and_empties_nothing(users, redis_cache, redis_queue):
    users.read(1)
    users.via("write-behind").update(2, name="waits")
    before = sorted(redis_cache.scan_iter()), sorted(redis_queue.scan_iter(match="*users*"))
    out = StringIO()
    call_command("cache_bench", "--quick", "--json", stdout=out)
    assert (sorted(redis_cache.scan_iter()), sorted(redis_queue.scan_iter(match="*users*"))) == before
    assert not list(redis_queue.scan_iter(match="*bench*"))
    assert User.objects.count() == 3
    assert not {"cmdstat_flushdb", "cmdstat_flushall"} & redis_cache.info("commandstats").keys()
    report = json.loads(out.getvalue())
    assert [(row["state"], row["user"]) for row in report["article"]] == [
        (state, f"user {n}") for state in ("cold", "warm") for n in (1, 2, 3)
    ]
    assert all(row["seconds"] >= 0.2 for row in report["article"][:3])
    assert all(row["seconds"] < 0.2 for row in report["article"][3:])
    assert [row["hits"] for row in report["reads"]] == pytest.approx([0.5, 0.8, 0.95, 0.99], abs=0.2)
    assert {row["pattern"] for row in report["writes"]} == {"cache-aside", "write-through", "write-behind"}
    assert report["flush"][0]["rows"] == 60


def test_a_measurement_that_is_stopped_takes_its_rows_along(run_python, redis_queue):
    process = run_python("manage.py", "cache_bench", "--events")
    process.says("Zipf reads", timeout=30)
    assert User.objects.count() > 3
    process.end()
    assert User.objects.count() == 3
    assert not list(redis_queue.scan_iter(match="*bench*"))


def test_a_measurement_without_its_servers_takes_its_rows_along_too(queue_server):
    def kill_the_queue(what: str, done: int, of: int) -> None:
        if what.startswith("Zipf"):
            queue_server.kill()

    with pytest.raises(QueueUnavailable):
        run(Sizes.quick(), 1.0, kill_the_queue)
    assert User.objects.count() == 3


def test_the_bench_draws_tables_and_writes_a_report(tmp_path):
    out = StringIO()
    call_command("cache_bench", "--quick", f"--html={tmp_path / 'report.html'}", stdout=out)
    page = (tmp_path / "report.html").read_text()
    for words in ("Cold and warm reads", "Reads under a Zipf load", "Writes in each pattern", "Flush"):
        assert words in out.getvalue()
        assert words in page
    assert page.count('role="img"') == 3
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_measurement_is_started_and_followed_without_javascript(client):
    started = client.post("/bench/", {"quick": "1"})["Location"]
    assert client.get(started).status_code == 200
    until(lambda: "99th percentile" in text_of(client.get(started)), timeout=40, interval=0.3)
    part = client.get(started, {"part": ""}).content.decode()
    assert "data-over" in part
    assert "<html" not in part


def test_an_experiment_is_started_and_followed_without_javascript(client):
    started = client.post("/lab/flushdb-pending/")["Location"]
    until(lambda: "It held." in text_of(client.get(started)), timeout=30, interval=0.2)
    page = text_of(client.get(started))
    assert "It broke. The list of pending writes stands in the same database" in page
    assert "lost 5" in page


def test_a_chart_is_to_scale():
    values = [charts.Value("a", 1.0, "1", "cache"), charts.Value("b", 4.0, "4", "cache")]
    short, long = (float(bar.width) for bar in charts.chart("", values).bars)
    assert long == pytest.approx(4 * short)


MARKS = {0.217: [0, 0.1, 0.2, 0.3], 2007: [0, 1000, 2000, 3000], 8: [0, 2, 4, 6, 8], 0: [0, 0.25, 0.5, 0.75, 1]}


@pytest.mark.parametrize(("largest", "marks"), MARKS.items())
def test_a_chart_has_a_linear_axis_with_round_marks(largest, marks):
    drawn = charts.chart("", [charts.Value("a", largest, "", "cache")], unit=repr)
    assert [float(tick.text) for tick in drawn.ticks] == pytest.approx(marks)
    places = [float(tick.x) for tick in drawn.ticks]
    assert len({round(after - before) for before, after in itertools.pairwise(places)}) == 1


def test_the_articles_own_figures_stand_beside_ours():
    rows = [
        {"state": s, "user": "user 1", "seconds": t, "origin": "cache"}
        for s, t in [("cold", 0.3)] * 3 + [("warm", 0.001)] * 3
    ]
    found = report.sections(
        {"article": rows, "article_ms": 200, "source_ms": 5, "reads": [], "writes": [], "flush": []}
    )[0]
    assert "they are 202-fold, and those measured here 300-fold" in found.note
    assert found.rows[0][:4] == ("cold", "user 1", "300 ms", "203 ms")


def test_compare_and_bench_show_the_last_run_before_the_first(client, monkeypatch):
    monkeypatch.setattr(comparison, "PATIENCE", 0.05)
    for file in keep.folder("compare").iterdir():
        file.unlink()
    assert "The script" in text_of(client.get("/compare/"))
    keep.save("compare", comparison.compare())
    assert "the last run on this machine" in text_of(client.get("/compare/"))


# what is kept


def test_only_the_newest_are_kept(monkeypatch):
    monkeypatch.setattr(keep, "KEPT", 3)
    ids = []
    for n in range(5):
        ids.append(keep.save("few", {"n": n}))
        time.sleep(0.01)
    assert [keep.load("few", each) is not None for each in ids] == [False, False, True, True, True]


def test_an_id_from_outside_leads_to_no_other_file():
    folder = keep.folder("traces")
    (folder.parent / "secret.json").write_text("{}")
    assert keep.load("traces", "../secret") is None


# the demo's buttons


def test_outside_of_a_demo_there_are_no_buttons(client, monkeypatch):
    monkeypatch.delenv(visitor_actions.FOLDER, raising=False)
    assert "Break something" not in text_of(client.get("/cache-aside/users/1/"))
    assert client.post("/demo/worker/kill/").status_code == 404


@pytest.fixture
def demo(monkeypatch, tmp_path):
    monkeypatch.setenv(visitor_actions.FOLDER, str(tmp_path))
    (tmp_path / "states.json").write_text(json.dumps({"worker": ["runs", 0], "queue server": ["down", 0]}))
    return tmp_path


def test_a_button_leaves_a_wish_for_the_demo_and_no_more(client, demo):
    page = text_of(client.get("/cache-aside/users/1/"))
    assert "The worker runs" in page
    assert "The queue server killed" in page
    answer = client.post("/demo/worker/pause/", {"next": "/cache-aside/users/1/"})
    assert answer["Location"] == "/cache-aside/users/1/"
    assert {path.name for path in demo.iterdir()} == {"states.json", "worker.pause"}
    assert client.post("/demo/worker/pause/", {"next": "https://elsewhere.example/"})["Location"] == "/users/"


@pytest.mark.parametrize("wish", ["web/kill", "worker/stop", "queue-server/pause", "worker/..%2Fkill"])
def test_what_nobody_offers_is_not_done(client, demo, wish):
    assert client.post(f"/demo/{wish}/").status_code == 404
    assert [path.name for path in demo.iterdir()] == ["states.json"]


def test_a_button_needs_a_post_with_its_token(demo):
    from django.test import Client

    assert Client().get("/demo/worker/kill/").status_code == 404
    assert Client(enforce_csrf_checks=True).post("/demo/worker/kill/").status_code == 403
    assert [path.name for path in demo.iterdir()] == ["states.json"]


def test_the_roles_are_plain_after_all_of_this(client):
    client.get("/cache-aside/users/1/")
    assert {type(role.client()).__module__ for role in (CACHE, QUEUE)} == {"cachedemo.servers.client"}


# true at every moment


def said_of_a_waiting_write(client) -> str:
    return re.search(r"is acknowledged and waits for the worker\. (.*?\.)(?: |$)", state(client))[1]


@pytest.fixture
def waiting(users):
    users.read(1)
    users.via("write-behind").update(1, name="Al")


def test_the_database_will_have_it_soon_only_if_a_worker_is_there(client, waiting):
    assert said_of_a_waiting_write(client) == prospects.NO_WORKER
    workers.say()
    assert said_of_a_waiting_write(client) == "The database will have it within about a second."


def test_a_worker_that_died_is_known_within_five_seconds(client, waiting, monkeypatch):
    workers.say()
    later = time.time() + 5
    monkeypatch.setattr(time, "time", lambda: later)
    assert said_of_a_waiting_write(client).startswith("No worker is running")


def test_a_paused_queue_is_said_with_who_paused_it(client, users, waiting):
    workers.say()
    pause.pause(users, "olga")
    assert said_of_a_waiting_write(client).startswith("Flushing is paused by olga since ")


def test_a_pause_for_some_seconds_ends_by_itself(users, redis_queue):
    pause.pause(users, "a visitor", 10)
    assert 0 < redis_queue.ttl(pause.key(users)) <= 10


def test_a_queue_that_has_stopped_is_said(client, users, waiting):
    workers.say()
    users.table.queue.stop("no such column")
    assert said_of_a_waiting_write(client).startswith("Flushing has stopped")


def test_a_flush_that_is_late_is_said_whatever_it_is_that_holds_it_up(client, waiting, monkeypatch):
    later = time.time() + 12
    monkeypatch.setattr(time, "time", lambda: later)
    workers.say()
    assert said_of_a_waiting_write(client) == "Flushing is late: the oldest write has waited for more than 10 s."


def test_a_claim_that_does_not_end_is_said_with_when_another_flush_takes_over(client, users, waiting, monkeypatch):
    users.table.queue.claim(10, 30, 5)
    assert f"A flush holds the write of name. {prospects.TAKING}" in state(client)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7)
    assert "It has not ended for more than 5 s" in state(client)
    assert "the next flush takes over within 25 s." in state(client)
    monkeypatch.setattr(time, "time", lambda: now + 40)
    assert "the next flush takes over as soon as one runs." in state(client)


def test_what_is_said_after_a_write_is_what_will_become_of_it(client, users):
    write(client, "write-behind", "Al")
    assert "No worker is running" in text_of(client.get("/write-behind/users/1/"))
    workers.say()
    write(client, "write-behind", "Bo")
    assert "The database will have it within about a second." in text_of(client.get("/write-behind/users/1/"))


def test_a_row_that_waits_for_nothing_has_no_stages_and_a_refused_one_no_green_end(client, users, waiting):
    assert "claimed by a flush" not in client.get("/cache-aside/users/2/state/").content.decode()
    [claim], _ = users.table.queue.claim(10, 60, 5)
    users.table.queue.bury(claim, "refused")
    page = client.get("/cache-aside/users/1/state/").content.decode()
    assert '<li class="refused">refused: a dead letter</li>' in page
    assert "in the database" not in page


def test_a_write_that_was_queued_has_all_its_stages_once_the_database_has_it(client, users):
    kept = write(client, "write-behind", "Al")["Location"].partition("trace=")[2]
    users.drain(timeout=5)
    page = client.get("/write-behind/users/1/state/", {"trace": kept}).content.decode()
    assert page.count('<li class="done">') == 4


def test_what_a_place_has_that_does_not_answer_is_unknown(client, users, cache_server):
    users.read(1)
    cache_server.kill()
    assert "name unknown – Alice Singh" in state(client)


def test_this_write_holds_the_write_and_the_way_it_really_went(client, users):
    answer = client.get(write(client, "write-behind", "Al")["Location"])
    commands = [row.command.split()[1] for row in answer.context["timeline"].rows]
    assert commands == [commands[0], "enqueue", "publish", "flush:users"]
    page = client.get("/write-behind/users/1/").content.decode()
    sent = dict(re.findall(r'name="((?:initial-)?(?:name|email|etag))" value="([^"]*)"', page))
    form = {key: html.unescape(value) for key, value in sent.items()} | {"email": "al@example.com"}
    told = client.post("/write-behind/users/1/", form)["Location"]
    assert "This write, write-through" in text_of(client.get(told))


def test_the_flush_joins_the_timeline_of_its_write(client, users):
    kept = write(client, "write-behind", "Al")["Location"].partition("trace=")[2]
    address = "/write-behind/users/1/state/"
    assert "The flush" not in text_of(client.get(address, {"trace": kept}))
    with flush_traces.watched():
        users.flush()
    page = text_of(client.get(address, {"trace": kept}))
    assert "The flush, 0." in page
    assert "Write the row to the database and wait for its commit." in page
