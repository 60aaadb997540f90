"""Each of the operators' screens in a browser: light and dark, wide and narrow, clean under the strict policy."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, expect

from cachedemo import cache_for, registry
from cachedemo.operations import switch
from cachedemo.protocol import database_addresses
from cachedemo.servers.key_prefix import ours
from tests import scene
from tests.operators import ALL, operator, url
from users.models import User

TOO_WIDE = """[...document.querySelectorAll(".cd-stack")].map((each) => each.parentElement)
    .filter((frame) => frame.scrollWidth > frame.clientWidth + 1).map((frame) => frame.textContent)"""
USERS = "/admin/users/user/"
SCREENS = {
    "overview": ("changelist", "Hit ratio"),
    "versions": ("versions", "v1:user:"),
    "keys": ("keys", "v2:user:"),
    "live": ("live", "It costs."),
    "queue": ("queue", "Dead letters"),
    "server": ("server", "Persistence"),
    "danger": ("danger", "FLUSHDB of the cache database"),
    "history": ("history", "120,000 keys"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_every_screen_fits_and_breaks_no_policy(
    open_page: Callable[..., Page],
    picture: Callable[[Page, str], None],
    people: list[User],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    scheme: str,
) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}
    monkeypatch.setattr(registry, "_declared", {User: cache_for(User)})  # the example's own model, as anyone sees it
    olga = operator(*ALL)
    olga.user_permissions.add(*Permission.objects.filter(content_type__app_label="users"))
    scene.build(olga)
    page = open_page(olga, url("changelist"), width=width, scheme=scheme)
    for name, (view, words) in SCREENS.items():
        page.goto(url(view) + ("?prefix=v2:user:" if name == "keys" else ""))
        expect(page.locator(".cachedemo")).to_contain_text(words)
        assert_fits(page, width)
        picture(page, f"admin-{name}-{width}-{scheme}")
    page.goto(url("keys"))
    expect(page.locator(".cd-tree")).to_contain_text("v2:")
    assert_fits(page, width)
    picture(page, f"admin-tree-{width}-{scheme}")
    page.goto(url("changelist") + "?range=7d")
    expect(page.locator(".cachedemo")).to_contain_text("The last 7 days")
    assert_fits(page, width)
    picture(page, f"admin-week-{width}-{scheme}")
    page.goto(url("key") + "?key=v2:user:5")
    expect(page.locator(".cd-compare")).to_contain_text("Renamed 5")
    assert_fits(page, width)
    picture(page, f"admin-key-{width}-{scheme}")
    for name, path in (("version", url("version", "user", "1")), ("users", USERS), ("user", f"{USERS}5/change/")):
        page.goto(path)
        assert_no_sideways_scroll(page)
        picture(page, f"admin-{name}-{width}-{scheme}")


def test_no_table_is_cut_beside_the_admins_sidebar(open_page: Callable[..., Page], people: list[User]) -> None:
    olga = operator(*ALL)
    scene.build(olga)
    page = open_page(olga, url("changelist"), width=768)
    for view in ("versions", "queue", "history"):
        page.goto(url(view))
        assert page.locator(".cd-stack").count()
        assert page.evaluate(TOO_WIDE) == [], view


def test_a_server_that_is_down_is_said_on_every_screen(
    open_page: Callable[..., Page], picture: Callable[[Page, str], None], people: list[User], cache_server: Any
) -> None:
    page = open_page(operator(*ALL), url("changelist"))
    cache_server.stop()
    page.goto(url("changelist"))
    expect(page.get_by_role("alert")).to_contain_text("Redis is down")
    picture(page, "admin-down-1280-light")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_that_it_is_off_and_that_another_database_shares_the_queue_is_said_first(
    open_page: Callable[..., Page],
    picture: Callable[[Page, str], None],
    people: list[User],
    redis_queue: Any,
    width: int,
    scheme: str,
) -> None:
    switch.off(switch.models(["users.User"]), "olga", timeout=5)
    redis_queue.zadd(ours(database_addresses.KEY), {"default 0123456789abcdef staging-1": time.time()})
    page = open_page(operator(*ALL), url("changelist"), width=width, scheme=scheme)
    notes = page.locator("#cd-live .cd-note")
    expect(notes).to_have_count(2)
    expect(notes.nth(0)).to_contain_text("flush:users is switched off since")
    expect(notes.nth(1)).to_contain_text("staging-1")
    assert_fits(page, width)
    picture(page, f"admin-off-{width}-{scheme}")


def assert_no_sideways_scroll(page: Page) -> None:
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 1, f"{page.url} is {overflow} px too wide"


def assert_fits(page: Page, width: int) -> None:
    """Nothing but a table in its own frame may be wider than the page."""
    overflow = page.evaluate(
        "document.querySelector('.cachedemo').scrollWidth - document.querySelector('.cachedemo').clientWidth"
    )
    assert overflow <= 1, f"{page.url} is {overflow} px too wide at {width}"
