"""The lesson from its first step to its last, with JavaScript and without, and what it leaves behind: nothing."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from playwright.sync_api import Page, expect

from demo.part import ServerPart
from demo.signals import StopSignal
from demo.supervisor import Supervisor
from demo.visitor_actions import FOLDER, Control
from playground.lesson.path import LESSONS
from tests.browser.test_playground import looks_right_everywhere
from users.models import User

pytestmark = pytest.mark.usefixtures("people", "open_access")

Visit = Callable[..., Page]


@pytest.fixture
def demo(cache_server: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The demo's own supervisor, looking after the cache server of the tests."""
    monkeypatch.setenv(FOLDER, "")
    control, stop = Control(tmp_path / "control"), StopSignal()
    control.open()
    supervisor = Supervisor(stop, lambda line: None, control)
    supervisor.start(ServerPart(cache_server))
    watch = threading.Thread(target=supervisor.watch)
    watch.start()
    yield
    stop.count = 1
    watch.join()


def do(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("region", name="What happened")).to_be_visible(timeout=30_000)


def words_of_step(page: Page, track: str) -> Any:
    return page.get_by_role("region", name=track, exact=True)


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_the_lesson_is_taken_from_its_first_step_to_its_last(
    visit: Visit, demo: None, redis_queue: redis.Redis, script: bool
) -> None:
    page = visit("/", java_script_enabled=script, reduced_motion="reduce")
    for number, lesson in enumerate(LESSONS, start=1):
        expect(page.get_by_role("heading", level=1)).to_have_text(lesson.question)
        expect(page.get_by_text(f"{number - 1} of 7 done")).to_be_visible()
        do(page, lesson.button)
        expect(page.locator(".remember")).to_contain_text(lesson.sentence)
        expect(page.get_by_role("link", name="See it go wrong, in the lab")).to_be_visible()
        if number < len(LESSONS):
            page.locator(".remember").get_by_role("link", name="Next:").click()
    expect(page.get_by_role("heading", name="What you know now")).to_be_visible()
    assert User.objects.count() == 3
    assert not list(redis_queue.scan_iter("*throwaway*"))


def test_the_three_patterns_leave_different_things_behind(visit: Visit) -> None:
    page = visit("/lesson/write/", reduced_motion="reduce")
    do(page, "Change Alice's name")
    for pattern, places in {
        "cache-aside": ["cache", "empty", "queue", "nothing waits", "database", "Alice S."],
        "write-through": ["cache", "Alice S.", "queue", "nothing waits", "database", "Alice S."],
        "write-behind": ["cache", "Alice S.", "queue", "Alice S. waits", "database", "Alice Singh older"],
    }.items():
        left = words_of_step(page, pattern).locator(".left-behind")
        assert left.locator("dt, dd").all_inner_texts() == places


def test_two_at_once_break_what_is_done_by_hand_and_nothing_here(visit: Visit) -> None:
    page = visit("/lesson/two-writers/", reduced_motion="reduce")
    do(page, "Now let two write at once")
    expect(page.locator(".verdict.broken")).to_have_text(
        "The cache says Alice One, the database Alice Two: every read is wrong until the entry expires, "
        "up to 60 s later."
    )
    expect(page.locator(".verdict.held")).to_have_text("The cache is empty: the next read returns Alice Two.")
    expect(page.locator(".track.held .plain")).to_contain_text("writer 1: Its mark is gone")


def test_what_the_last_step_says_of_each_pattern_answers_what_a_stranger_asks(visit: Visit) -> None:
    page = visit("/lesson/two-writers/", reduced_motion="reduce")
    do(page, "Now let two write at once")
    aside, through, behind = page.locator(".take-away .card").all()
    expect(aside).to_contain_text("If the app dies between commit and drop")
    expect(through.locator("p", has_text="Who sees something old.")).to_have_text(
        "Who sees something old. As with cache-aside."
    )
    expect(behind).to_contain_text("Cache down: each write reads the row from the database first.")
    expect(behind).to_contain_text("the database may refuse a write that was acknowledged")
    expect(behind.get_by_role("button", name="dead letter")).to_be_visible()
    expect(page.get_by_text("in whichever of its numbered databases")).to_be_visible()


def test_who_asks_what_the_queue_has_to_do_with_cache_aside_is_told(visit: Visit) -> None:
    page = visit("/lesson/write/", reduced_motion="reduce")
    expect(page.locator(".lead").last).to_contain_text("one row may be written in any of the three")
    do(page, "Change Alice's name")
    expect(words_of_step(page, "cache-aside").locator(".plain")).to_contain_text(
        "Tell the queue that the write is done: what it has overtaken there is dropped."
    )


def test_the_replay_begins_at_nothing_and_ends_with_everything(visit: Visit) -> None:
    page = visit("/lesson/read/", reduced_motion="reduce")
    do(page, "Read Alice twice")
    ahead = page.locator("rect.ahead")
    expect(ahead).to_have_count(0)
    scrub = page.get_by_label("Moment of the replay")
    scrub.focus()
    page.keyboard.press("Home")
    expect(page.locator(".plain li.ahead").first).to_be_visible()
    assert ahead.count() > 0
    page.keyboard.press("End")
    expect(ahead).to_have_count(0)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def test_who_comes_back_goes_on_where_they_were_and_may_start_over(visit: Visit) -> None:
    page = visit("/", reduced_motion="reduce")
    do(page, "Read Alice twice")
    page.goto("/users/")
    page.get_by_role("link", name="Lesson").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(LESSONS[1].question)
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(LESSONS[0].question)
    expect(page.get_by_text("0 of 7 done")).to_be_visible()


def test_where_no_demo_runs_nothing_is_killed_and_the_lab_is_named(visit: Visit) -> None:
    page = visit("/lesson/kill-the-cache/")
    expect(page.get_by_role("button", name="Now kill the cache")).to_have_count(0)
    page.get_by_role("link", name="The cache killed, in the lab").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The cache killed")


def test_the_lesson_can_be_read_everywhere(visit: Visit, picture: Any) -> None:
    page = visit("/lesson/write/", reduced_motion="reduce")
    do(page, "Change Alice's name")
    looks_right_everywhere(page, picture, "lesson")
