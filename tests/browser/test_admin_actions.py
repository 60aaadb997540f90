"""Each of the operators' actions as a person does it, and what a poll does meanwhile."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import redis
from playwright.sync_api import Page, expect

from cachedemo import cache_for
from cachedemo.operations import deletion_progress, keyspace, pause, version_deletion
from cachedemo.servers.roles import CACHE
from tests import scene
from tests.helpers import until
from tests.operators import ALL, operator, url
from tests.processes import Process
from users.models import User

Open = Callable[..., Page]


@pytest.fixture(params=[(1280, "light"), (420, "dark")], ids=["wide and light", "narrow and dark"])
def show(open_page: Open, request: pytest.FixtureRequest) -> Open:
    """`open_page`, on a desk by day and on a phone by night."""
    width, scheme = request.param
    return partial(open_page, width=width, scheme=scheme)


@pytest.fixture
def olga(people: list[User], settings: Any) -> Any:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}
    cache_for(User).warm([1, 2, 3])
    return operator(*ALL)


def said(page: Page) -> Any:
    return expect(page.locator(".messagelist"))


def refresh_every(page: Page, seconds: int) -> None:
    page.get_by_label("Refresh").select_option(str(seconds))


# What refreshes itself


def test_the_live_part_refreshes_itself_and_says_how_old_it_is(open_page: Open, olga: Any) -> None:
    page = open_page(olga, url("changelist"))
    tile = page.locator(".cd-tile", has_text="Pending writes").locator(".cd-value")
    expect(tile).to_have_text("0")
    refresh_every(page, 1)
    cache_for(User).via("write-behind").update(1, name="Al")
    expect(tile).to_have_text("1")
    refresh_every(page, 0)
    cache_for(User).via("write-behind").update(2, name="Bo")
    expect(page.locator("[data-cd-updated]")).to_have_text("updated 3 s ago")
    expect(tile).to_have_text("1")
    page.reload()
    expect(page.get_by_label("Refresh")).to_have_value("0")


def test_a_hidden_tab_asks_nothing_until_it_is_seen_again(open_page: Open, olga: Any) -> None:
    page = open_page(olga, url("changelist"))
    refresh_every(page, 1)
    hide = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"
    page.evaluate(f"({hide})(true)")
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(1600)
    assert polls == []
    page.evaluate(f"({hide})(false)")
    page.wait_for_timeout(1500)
    assert polls


def test_a_poll_never_replaces_an_open_confirmation(open_page: Open, olga: Any) -> None:
    scene.dead_letters()
    page = open_page(olga, url("queue"))
    refresh_every(page, 1)
    page.get_by_label("Row 1").check()
    page.get_by_text("Discard the 1 ticked…").click()
    confirm = page.get_by_role("button", name="Discard the 1 ticked")
    expect(confirm).to_be_visible()
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(2400)
    assert len(polls) >= 2
    expect(confirm).to_be_visible()
    expect(page.get_by_label("Row 1")).to_be_checked()
    confirm.click()
    said(page).to_contain_text("Given up: the refused writes of 1 row of flush:users.")
    assert cache_for(User).table.queue.dead().keys() == {"2"}


def test_a_poll_leaves_alone_what_has_not_changed(open_page: Open, olga: Any) -> None:
    page = open_page(olga, url("queue"))
    page.evaluate("""() => {
        window.kept = document.querySelector("#cd-live h2");
        getSelection().selectAllChildren(window.kept);
        document.querySelector("#cd-live button").focus();
    }""")
    refresh_every(page, 1)
    cache_for(User).via("write-behind").update(1, name="Al")
    expect(page.locator("#cd-live")).to_contain_text("nobody yet")
    assert page.evaluate("window.kept.isConnected && getSelection().toString()") == "flush:users"


def test_the_values_of_one_time_are_shown_on_all_charts_at_once(open_page: Open, olga: Any) -> None:
    scene.past_day()
    page = open_page(olga, url("changelist"))
    refresh_every(page, 0)
    values = page.locator("[data-cd-values]")
    at = page.locator("[data-cd-at]").first
    last = values.all_inner_texts()
    page.locator(".cd-curves").nth(2).hover(position={"x": 1, "y": 20})
    expect(at).to_have_text(page.locator(".cd-x span").first.inner_text())
    pointed = values.all_inner_texts()
    assert pointed == [
        value.split("|")[0] or "–" for value in values.evaluate_all("all => all.map(v => v.dataset.cdValues)")
    ]
    assert pointed != last
    page.get_by_role("heading", name="Versions").hover()
    expect(at).to_be_empty()
    assert values.all_inner_texts() == last
    page.locator(".cd-charts").press("ArrowLeft")
    page.locator(".cd-charts").press("ArrowLeft")
    expect(at).not_to_be_empty()
    assert [
        value.split("|")[-2] or "–" for value in values.evaluate_all("all => all.map(v => v.dataset.cdValues)")
    ] == (values.all_inner_texts())


def test_one_box_ticks_every_dead_letter(open_page: Open, olga: Any) -> None:
    scene.dead_letters()
    page = open_page(olga, url("queue"))
    every = page.get_by_label("Tick all that are shown")
    every.check()
    expect(page.get_by_role("button", name="Retry the 2 ticked")).to_be_visible()
    page.get_by_label("Row 1").uncheck()
    expect(page.get_by_role("button", name="Retry the 1 ticked")).to_be_visible()
    assert every.evaluate("box => box.indeterminate")


def test_what_stands_open_in_the_live_part_itself_is_left_alone_too(open_page: Open, olga: Any) -> None:
    page = open_page(olga, url("versions"))
    page.evaluate(
        """() => {
            const details = document.createElement("details");
            details.open = true;
            details.append("Are you sure?");
            document.getElementById("cd-live").append(details);
        }"""
    )
    refresh_every(page, 1)
    page.wait_for_timeout(1800)
    expect(page.get_by_text("Are you sure?")).to_be_visible()
    page.evaluate("document.querySelector('#cd-live details:last-child').open = false")
    expect(page.get_by_text("Are you sure?")).to_have_count(0)


def test_redis_going_down_shows_and_its_return_too(open_page: Open, olga: Any, cache_server: Any) -> None:
    page = open_page(olga, url("changelist"))
    refresh_every(page, 1)
    cache_server.stop()
    expect(page.get_by_role("alert")).to_contain_text("Redis is down")
    cache_server.start()
    expect(page.get_by_role("alert")).to_have_count(0, timeout=10_000)


def test_a_poll_of_somebody_signed_out_leads_to_the_login(open_page: Open, olga: Any) -> None:
    page = open_page(olga, url("changelist"))
    page.context.clear_cookies()
    refresh_every(page, 1)
    expect(page.get_by_label("Username")).to_be_visible(timeout=10_000)


# Actions


def test_a_version_is_deleted_with_a_bar_a_cancel_and_a_second_go(
    show: Open, olga: Any, start_worker: Callable[..., Process], redis_cache: redis.Redis
) -> None:
    CACHE.pipeline([("SET", f"v1:user:{n}", scene.slot(n), "EX", 600) for n in range(60_000)])
    assert redis_cache.expire("v2:user:1", 600)  # whatever the test takes on a busy machine
    keyspace.keep()
    start_worker("--pool=solo")
    page = show(olga, url("versions"))
    refresh_every(page, 1)
    delete_old_version(page)
    bar = page.get_by_role("progressbar", name="Deletion of v1:user:")
    expect(bar).to_be_visible()
    until(lambda: deletion_progress.find(cache_for(User), "1").deleted, interval=0.001)
    page.get_by_role("button", name="Cancel").click()
    said(page).to_contain_text("The deletion of v1:user: was cancelled")
    until(stands_still)  # the worker has seen it
    assert left() > 0
    delete_old_version(page)
    expect(page.get_by_text("Deleted: 60,000 keys of v1:user:.")).to_be_visible(timeout=60_000)
    assert left() == 0
    assert redis_cache.exists("v2:user:1")


def left() -> int:
    return version_deletion.count(cache_for(User), "1")


def stands_still() -> bool:
    before = left()
    time.sleep(0.5)
    return left() == before


def delete_old_version(page: Page) -> None:
    page.goto(url("versions"))
    page.locator("tr", has_text="v1:user:").get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Count its keys").click()
    page.get_by_role("button", name="keys of v1:user:").click()


def test_the_flush_is_paused_resumed_and_asked_for(show: Open, olga: Any) -> None:
    users = cache_for(User)
    users.via("write-behind").update(1, name="Al")
    page = show(olga, url("queue"))
    section = page.locator(".cd-section", has_text="flush:users").first
    section.get_by_role("button", name="Pause").click()
    said(page).to_contain_text("is paused")
    assert pause.is_paused(users)
    section.get_by_role("button", name="Flush now").click()
    said(page).to_contain_text("Taken from the list of flush:users: 1 row.")
    section.get_by_role("button", name="Resume").click()
    said(page).to_contain_text("is flushed again")
    assert not pause.is_paused(users)


def test_a_dry_run_says_how_many_keys_and_deletes_none(show: Open, olga: Any, redis_cache: redis.Redis) -> None:
    scene.old_version()
    keyspace.keep()
    page = show(olga, url("versions"))
    page.locator("tr", has_text="v1:user:").get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Count its keys").click()
    expect(page.locator(".cachedemo")).to_contain_text("300 keys would be deleted.")
    assert redis_cache.dbsize() == scene.OLD_KEYS + 3


def test_dead_letters_are_retried_all_at_once(show: Open, olga: Any) -> None:
    scene.dead_letters()
    page = show(olga, url("queue"))
    page.get_by_role("button", name="Retry all 2").click()
    said(page).to_contain_text("Back in the list of flush:users: 2 rows.")
    assert cache_for(User).table.queue.dead() == {}


def test_the_ticked_dead_letters_are_retried_and_the_button_says_how_many(show: Open, olga: Any) -> None:
    scene.dead_letters()
    page = show(olga, url("queue"))
    expect(page.get_by_role("button", name="Retry the ticked")).to_be_visible()
    page.get_by_label("Row 1").check()
    page.get_by_label("Row 2").check()
    expect(page.get_by_role("button", name="Retry the 2 ticked")).to_be_visible()
    page.get_by_label("Row 2").uncheck()
    page.get_by_role("button", name="Retry the 1 ticked").click()
    said(page).to_contain_text("Back in the list of flush:users: 1 row.")
    assert cache_for(User).table.queue.dead().keys() == {"2"}


def test_all_dead_letters_are_discarded_once_that_is_confirmed(show: Open, olga: Any) -> None:
    scene.dead_letters()
    page = show(olga, url("queue"))
    confirm = page.get_by_role("button", name="Discard all 2")
    expect(confirm).to_be_hidden()
    page.get_by_text("Discard all 2…").click()
    confirm.click()
    said(page).to_contain_text("Given up: the refused writes of 2 rows of flush:users.")
    assert cache_for(User).table.queue.dead() == {}


def test_a_key_is_found_given_a_lifetime_refreshed_and_deleted(show: Open, olga: Any, redis_cache: redis.Redis) -> None:
    page = show(olga, url("keys"))
    page.get_by_label("Keys that begin with").fill("v2:user:")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="v2:user:2").click()
    page.get_by_label("TTL").fill("9")
    page.get_by_role("button", name="Set TTL").click()
    said(page).to_contain_text("The key v2:user:2 lives 9 s from now")
    page.get_by_role("button", name="Refresh from the database").click()
    said(page).to_contain_text("was loaded from the database")
    assert redis_cache.ttl("v2:user:2") > 9
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    said(page).to_contain_text("The key v2:user:2 was deleted")
    assert not redis_cache.exists("v2:user:2")


def test_flushdb_from_the_overview_to_the_history(show: Open, olga: Any, redis_cache: redis.Redis) -> None:
    page = show(olga, url("changelist"))
    page.get_by_role("link", name=f"FLUSHDB {CACHE.address}").click()
    page.get_by_role("button", name="Count now").click()
    page.get_by_label(f"Type {CACHE.address} to go on").fill(CACHE.address)
    page.get_by_role("button", name="FLUSHDB").click()
    said(page).to_contain_text("3 keys gone")
    assert redis_cache.dbsize() == 0
    page.goto(url("history"))
    expect(page.locator(".cachedemo tbody")).to_contain_text("3 keys gone")
