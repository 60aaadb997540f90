"""What the page of a row says of a write that waits, under each fault, without a reload: true at every moment."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from cachedemo import cache_for
from cachedemo.operations import pause, workers
from playground.pending_write import stages
from tests.browser.test_playground import write
from users.models import User
from users.pages import prospects

pytestmark = pytest.mark.usefixtures("people", "open_access")

Visit = Callable[..., Page]


@pytest.fixture
def users() -> Any:
    users = cache_for(User)
    users.announce()
    return users


@pytest.fixture
def written(visit: Visit, users: Any) -> Page:
    """The page of a row right after a write-behind write that nobody flushes; a worker has just been alive."""
    workers.say()
    page = visit("/write-behind/users/1/")
    write(page, "Alice S.")
    return page


@contextlib.contextmanager
def a_worker() -> Iterator[None]:
    """Say that a worker is alive, as often as one does."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.5):
            workers.say()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def says(page: Page) -> Locator:
    return page.locator("#journey .journey-says")


def reached(page: Page) -> list[str]:
    """Return the stages that are shown as reached."""
    return page.locator("#journey .journey li.done, #journey .journey li.now").all_inner_texts()


def test_a_write_that_waits_for_a_worker_that_is_alive(written: Page) -> None:
    expect(says(written)).to_contain_text("is acknowledged and waits for the worker.")
    assert reached(written) == ["acknowledged", "in the queue"]


def test_a_worker_that_dies_is_known_within_five_seconds(written: Page) -> None:
    expect(says(written)).to_contain_text(prospects.NO_WORKER, timeout=15_000)
    assert workers.GONE_AFTER <= 5
    with a_worker():
        expect(says(written)).not_to_contain_text(prospects.NO_WORKER, timeout=15_000)


def test_a_queue_that_is_paused_in_the_admin(written: Page, users: Any) -> None:
    pause.pause(users, "olga")
    expect(says(written)).to_contain_text("Flushing is paused by olga since")
    pause.resume(users)
    expect(says(written)).not_to_contain_text("Flushing is paused")


def test_a_database_that_refuses_the_statement(written: Page, users: Any) -> None:
    users.table.queue.stop("ProgrammingError: 42703 undefined_column")
    expect(says(written)).to_contain_text(prospects.STOPPED)


def test_a_write_that_a_flush_holds(written: Page, users: Any) -> None:
    users.table.queue.claim(500, 600, 5)
    expect(says(written)).to_contain_text(f"A flush holds the write of name. {prospects.TAKING}")
    assert reached(written) == ["acknowledged", "in the queue", "claimed by a flush"]


def test_a_write_that_has_landed(written: Page, users: Any) -> None:
    users.drain(timeout=5)
    expect(says(written)).to_have_text("Nothing waits: the database has every acknowledged write of this row.")
    assert reached(written)[-1] == "in the database"


def test_a_dead_letter_is_no_write_that_waits(written: Page, users: Any) -> None:
    [claim], _ = users.table.queue.claim(500, 600, 5)
    users.table.queue.bury(claim, "IntegrityError")
    expect(says(written)).to_contain_text("The database refused the write of name: it is a dead letter.")
    expect(written.locator("#journey .journey li.refused")).to_have_text("refused: a dead letter")
    assert "in the database" not in reached(written)
    written.goto("/users/")
    expect(written.get_by_text("a write waits")).to_have_count(0)


def test_a_queue_that_does_not_answer(written: Page, queue_server: Any) -> None:
    queue_server.stop()
    expect(says(written)).to_have_text("The queue server does not answer: nobody can tell what waits.", timeout=15_000)
    expect(written.locator("#journey .journey")).to_have_count(0)


def test_a_row_that_was_never_written_has_no_stages(visit: Visit, users: Any) -> None:
    page = visit("/write-behind/users/2/")
    expect(says(page)).to_have_text("Nothing waits: the database has every acknowledged write of this row.")
    expect(page.locator("#journey .journey")).to_have_count(0)


@pytest.mark.parametrize("place", ["list", "claimed", "dead", ""])
def test_no_stage_is_green_that_was_not_reached(place: str) -> None:
    shown = [stage.state for stage in stages(place, was_queued=True)]
    at = {"list": 1, "claimed": 2, "dead": 3, "": 3}[place]
    assert set(shown[at + 1 :]) <= {"next"}
    assert place == "" or shown[at] in ("now", "refused")
