"""The playground in a browser: live where it says so, in nobody's way, clean under the strict policy."""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from cachedemo import cache_for
from demo.part import PythonPart
from demo.signals import StopSignal
from demo.supervisor import Supervisor
from demo.visitor_actions import FOLDER, Control
from playground import flush_traces, keep
from playground.bench.measurements import Sizes
from playground.bench.run import run
from playground.comparison import compare
from tests.browser.test_pages import TOO_FAINT
from users.models import User

pytestmark = pytest.mark.usefixtures("people", "open_access")

PICTURED = (1280, 420)
LOOKS = [(width, scheme) for width in (1280, 768, 420) for scheme in ("light", "dark")]


@pytest.fixture
def users():
    users = cache_for(User)
    users.announce()
    return users


def looks_right_everywhere(page: Page, picture: Callable[[Page, str], None], name: str) -> None:
    """Wide and narrow, light and dark: nothing is wider than the page, and everything can be read."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, scheme)
        assert page.evaluate(TOO_FAINT) == [], (width, scheme)
        if width in PICTURED:
            picture(page, f"{name}-{width}-{scheme}")


@contextlib.contextmanager
def flushing(users: Any) -> Iterator[None]:
    """Flush now and then, as a worker does."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            users.flush()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def write(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="This write")).to_be_visible()


def test_a_write_and_what_it_did(visit, picture, users):
    users.read(2)
    users.via("write-behind").update(2, name="Bo")  # the servers know the scripts, as they do but for the first time
    page = visit("/write-behind/users/1/")
    write(page, "Alice S.")
    expect(page.locator(".timeline")).to_contain_text("the queue takes the write: from here on it is acknowledged")
    expect(page.locator("#journey")).to_contain_text("waits for the worker")
    expect(page.locator("#state .older")).to_contain_text("Alice Singh")
    looks_right_everywhere(page, picture, "playground")


def test_the_pending_write_arrives_before_ones_eyes_and_nothing_jumps(visit, users):
    page = visit("/write-behind/users/1/")
    write(page, "Alice S.")
    expect(page.locator("#journey")).to_contain_text("waits for the worker")
    page.get_by_label("Name", exact=True).focus()
    height = page.evaluate("document.documentElement.scrollHeight")
    users.drain(timeout=5)
    expect(page.locator("#journey")).to_contain_text("Nothing waits", timeout=5000)
    assert page.evaluate("document.documentElement.scrollHeight") == height
    assert page.evaluate("document.activeElement.id") == "id_name", "the poll leaves the focus where it is"


def test_the_time_to_live_counts_down(visit, users):
    page = visit("/cache-aside/users/1/")
    cell = page.locator("#state tr", has_text="expires in").locator("td").first
    before = int(cell.inner_text().split()[0])
    expect(cell).not_to_have_text(f"{before} s", timeout=5000)
    assert int(cell.inner_text().split()[0]) < before


def test_a_step_leads_to_its_line_and_the_permalink_to_the_same_timeline(visit):
    page = visit("/write-through/users/1/")
    write(page, "Alice S.")
    steps = page.locator(".timeline tbody").text_content()
    page.get_by_role("link", name="Permalink").click()
    assert page.locator(".timeline tbody").text_content() == steps
    page.get_by_text("Where each command came from").click()
    page.get_by_role("link", name="cachedemo/protocol/database_write.py").first.click()
    line = page.locator(".line:target")
    expect(line).to_be_in_viewport()
    expect(line).to_contain_text(re.compile(r"slots\.begin_mark|transactions\.writing"))


def test_the_request_is_copied_as_curl(visit):
    page = visit("/cache-aside/users/1/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl -i http://")


def test_an_experiment_is_watched_to_its_end(visit, picture):
    page = visit("/lab/stale-fill/")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator(".side.ours .verdict")).to_contain_text("It held.", timeout=30_000)
    expect(page.locator(".side.naive .verdict")).to_contain_text("It broke.")
    expect(page.locator(".side.ours .story")).to_contain_text("it is thrown away")
    expect(page.locator(".side.naive .step.wrong")).to_contain_text("This is where it breaks.")
    expect(page.locator(".side.naive .note.wrong")).to_contain_text("The read returns “old”: stale.")
    rows = page.locator(".side.naive .story li")
    scrub = page.locator(".side.naive").get_by_label("Step through it")
    scrub.focus()
    page.keyboard.press("Home")
    expect(page.locator(".side.naive .story li.later")).to_have_count(rows.count() - 1)
    page.keyboard.press("End")
    expect(page.locator(".side.naive .story li.later")).to_have_count(0)
    looks_right_everywhere(page, picture, "lab")
    page.get_by_role("link", name="What goes wrong").click()
    expect(page.get_by_text("1 of 9 seen to their end.")).to_be_visible()
    page.get_by_role("link", name="A stale fill after an invalidation").click()
    expect(page.get_by_text("This is the last run on this machine.")).to_be_visible()


def test_a_side_that_is_over_is_left_alone_while_the_other_runs(visit):
    page = visit("/lab/stale-fill/")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator(".side.naive .verdict")).to_contain_text("It broke.", timeout=30_000)
    rows = page.locator(".side.naive .story li").count()
    page.locator(".side.naive").get_by_label("Step through it").focus()
    page.keyboard.press("Home")
    expect(page.locator(".side.ours .verdict")).to_contain_text("It held.", timeout=30_000)
    expect(page.locator("#run[data-live]")).to_have_count(0)  # the last poll has been answered
    expect(page.locator(".side.naive .story li.later")).to_have_count(rows - 1)
    expect(page.locator(".side.naive").get_by_label("Step through it")).to_be_focused()


def test_a_selection_in_a_side_outlives_what_the_polls_bring(visit):
    page = visit("/lab/stale-fill/")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator(".side.naive .verdict")).to_contain_text("It broke.", timeout=30_000)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.side.naive .verdict'))")
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("It broke.")
    expect(page.locator(".side.ours .verdict")).to_contain_text("It held.", timeout=30_000)
    expect(page.locator("#run[data-live]")).to_have_count(0)
    assert page.evaluate("getSelection().toString()") == selected


def test_what_is_selected_while_it_still_grows_catches_up_when_it_is_let_go(visit):
    page = visit("/lab/stale-fill/")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator(".side.naive .story li").first).to_be_visible(timeout=30_000)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.side.naive .story li'))")
    expect(page.locator(".side.ours .verdict")).to_contain_text("It held.", timeout=30_000)
    expect(page.locator(".side.naive .verdict")).to_have_count(0)
    assert page.evaluate("getSelection().toString()")
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator(".side.naive .verdict")).to_contain_text("It broke.")
    expect(page.locator("#run[data-live]")).to_have_count(0)


def test_a_worker_that_runs_can_be_paused_and_one_that_is_paused_resumed(visit, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, "")
    control, stop = Control(tmp_path / "control"), StopSignal()
    control.open()
    supervisor = Supervisor(stop, lambda line: None, control)
    words = "import time; print('up', flush=True); time.sleep(120)"
    worker = PythonPart("worker", ["-c", words], tmp_path / "worker.log", lambda part: part.log.stat().st_size > 0)
    supervisor.start(worker)
    watch = threading.Thread(target=supervisor.watch)
    watch.start()
    try:
        page = visit("/cache-aside/users/1/")
        pause, resume = (page.get_by_role("button", name=f"{word} the worker") for word in ("Pause", "Resume"))
        expect(pause).to_be_visible()
        expect(resume).to_be_hidden()
        pause.click()
        expect(resume).to_be_visible(timeout=5000)
        expect(pause).to_be_hidden()
        resume.click()
        expect(pause).to_be_visible(timeout=5000)
        expect(resume).to_be_hidden()
    finally:
        stop.count = 1
        watch.join()
        supervisor.end(worker)


def test_the_flush_of_a_write_that_was_held_joins_it_and_says_that_its_scale_is_another(visit, users):
    page = visit("/write-behind/users/1/")
    write(page, "Al")
    part = page.locator("[data-part=flush]")
    expect(part).to_be_empty()
    with flush_traces.watched():
        users.flush()
    expect(part.get_by_text("The flush, ")).to_have_count(1)
    expect(part).to_contain_text("On a scale of its own")
    expect(part).to_contain_text("Drop from the queue what the database has now")
    part.get_by_text("Every command").click()
    expect(part).not_to_contain_text("Rows of the lesson")


@pytest.mark.parametrize("address", ["/lab/stale-fill/", "/source/playground/naive.py", "/api/docs"])
def test_a_link_that_stands_on_a_line_of_its_own_is_24_px_high(visit, address):
    page = visit(address)
    if address == "/api/docs":
        expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
    links = page.locator("#content .crumbs a, #content .line a, .swagger-ui .info a, .opblock-summary-path a")
    assert links.count()
    assert [each.inner_text() for each in links.all() if each.bounding_box()["height"] < 24] == []


def test_the_places_that_commands_came_from_are_24_px_high(visit):
    page = visit("/write-behind/users/1/")
    page.get_by_text("Where each command came from").click()
    links = page.locator(".sources a")
    expect(links.first).to_be_visible()
    assert min(each.bounding_box()["height"] for each in links.all()) >= 24


def test_the_list_of_experiments_can_be_read(visit):
    looks_right_everywhere(visit("/lab/"), lambda page, name: None, "list")


def test_the_comparison_can_be_read(visit, picture, users):
    with flushing(users):
        kept = keep.save("compare", compare())
    page = visit(f"/compare/?result={kept}")
    expect(page.locator(".figures")).to_contain_text("read after the TTL")
    looks_right_everywhere(page, picture, "compare")


def test_the_measurements_can_be_read(visit, picture):
    kept = keep.save("bench", {})
    report = run(Sizes.quick(), 5.0, lambda *_: None)
    (keep.folder("bench") / f"{kept}.jsonl").write_text(json.dumps({"kind": "report", "report": report}) + "\n")
    page = visit(f"/bench/{kept}/")
    expect(page.locator(".figures").first).to_contain_text("warm")
    looks_right_everywhere(page, picture, "bench")


def test_without_javascript_a_write_is_made_and_its_timeline_seen(visit):
    page = visit("/cache-aside/users/1/", java_script_enabled=False)
    page.fill("#id_name", "Alice S.")
    page.click("text=Save")
    expect(page.locator(".timeline")).to_contain_text("commit: the database has it")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_hidden()


def test_a_write_shows_what_it_left_before_the_page_read_anything(visit, users):
    users.read(1)
    page = visit("/cache-aside/users/1/")
    write(page, "Alice S.")
    expect(page.locator("#after tr", has_text="holds").locator("td").first).to_have_text("nothing")
    expect(page.locator("#state tr", has_text="holds").locator("td").first).to_have_text("a value")
    page.goto("/write-through/users/1/")
    write(page, "Alice T.")
    expect(page.locator("#after tr", has_text="holds").locator("td").first).to_have_text("a value")


def test_what_a_poll_brings_leaves_a_selection_and_an_open_menu_alone(visit, users):
    users.read(1)
    page = visit("/cache-aside/users/1/")
    page.get_by_text("Every command").click()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('[data-part=now-name-1]'))")
    kept = page.evaluate_handle("document.querySelector('[data-part=now-name-1]')")
    users.via("write-through").update(1, name="Al")
    expect(page.locator("[data-part=now-name-3]")).to_have_text("Al", timeout=5000)
    assert page.evaluate("getSelection().toString().trim()") == "Alice Singh"
    assert kept.evaluate("cell => cell.isConnected")
    expect(page.locator("details.commands").first).to_have_attribute("open", "")
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("[data-part=now-name-1]")).to_have_text("Al", timeout=5000)


def test_a_hidden_tab_asks_for_nothing(visit):
    page = visit("/cache-aside/users/1/")
    hide = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    with page.expect_request("**/state/**"):
        pass
    page.evaluate(f"({hide})(true)")
    page.wait_for_timeout(300)  # for what was under way
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(1800)
    assert polls == []
    page.evaluate(f"({hide})(false)")
    with page.expect_request("**/state/**"):
        pass


def test_a_write_is_stepped_through(visit, users):
    users.read(1)
    page = visit("/write-behind/users/1/")
    write(page, "Alice S.")
    expect(page.locator(".plain li.ahead")).to_have_count(0)
    ahead = [
        page.locator(".plain li.ahead").count()
        for _ in range(4)
        if not page.get_by_role("button", name="Next step").click()
    ]
    assert ahead == [3, 2, 1, 0]


def test_a_page_that_cannot_be_shown_is_tried_again_by_itself(browser, live_server, queue_server):
    queue_server.kill()
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/write-behind/users/1/")
    expect(page.get_by_role("heading", level=1)).to_have_text("The queue server does not answer.")
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    expect(page.get_by_text("It is tried again by itself.")).to_be_visible()
    queue_server.start()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alice Singh", timeout=20_000)
    context.close()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_word_explains_itself_where_it_stands(visit, users, script):
    page = visit("/write-behind/users/1/", java_script_enabled=script)
    meaning = page.locator("#term-lease")
    expect(meaning).to_be_hidden()
    page.locator(".plain").get_by_role("button", name="lease").first.press("Enter")
    expect(meaning).to_be_visible()
    expect(meaning).to_contain_text("only this reader may fill the slot")
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()


def test_a_dead_letter_explains_itself_in_the_list(visit, users):
    users.table.queue.enqueue(1, 0, 1000, {"email": "bob@example.com"}, None)
    [claim], _ = users.table.queue.claim(500, 600, 5)
    users.table.queue.bury(claim, "IntegrityError")
    page = visit("/users/")
    page.get_by_role("button", name="dead letter").click()
    expect(page.locator("#term-dead-letter")).to_contain_text("acknowledged and that the database refuses")
