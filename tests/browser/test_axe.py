"""axe-core finds nothing serious on any page, in light and dark, wide and narrow."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from cachedemo import cache_for, registry
from tests import scene
from tests.operators import ALL, client_of, operator, url
from users.models import User

SERIOUS = ("serious", "critical")
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
PAGES = [
    "/",
    "/lesson/two-writers/",
    "/users/",
    "/write-behind/users/1/",
    "/cache-aside/users/1/delete/",
    "/compare/",
    "/lab/",
    "/lab/stale-fill/",
    "/bench/",
    "/source/playground/naive.py",
    "/nonsense",
    "/api/docs",
]

OPERATORS = ("changelist", "versions", "keys", "live", "queue", "server", "danger", "history")
SCREENS: dict[str, Callable[[], str]] = {
    **{name: partial(url, name) for name in OPERATORS},
    "keys of a prefix": lambda: url("keys") + "?prefix=v2:user:",
    "key": lambda: url("key") + "?key=v2:user:5",
    "version": lambda: url("version", "user", "1"),
}
# Swagger UI's own markup has a link in each of its buttons.
NOT_OURS = {"/api/docs": {"nested-interactive"}}

pytestmark = pytest.mark.usefixtures("people", "open_access")


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def findings(page: Page, address: str) -> list[str]:
    """Return what axe calls serious in any look, each with the page, the look and the element."""
    page.goto(address)
    if address == "/api/docs":
        page.locator(".opblock").first.wait_for()
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")  # fading
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in SERIOUS and violation["id"] not in NOT_OURS.get(address, ()):
                first = violation["nodes"][0]["html"][:160]
                found.append(f"{address} {width} {scheme}: {violation['id']} ×{len(violation['nodes'])}, {first}")
    return found


@pytest.mark.parametrize("address", PAGES)
def test_nothing_serious_is_found(page: Page, address: str) -> None:
    assert findings(page, address) == []


@pytest.mark.parametrize(
    ("address", "press"), [("/lesson/write/", "Change Alice's name"), ("/lesson/two-writers/", "Now let two write")]
)
def test_nothing_serious_is_found_once_a_button_was_pressed(page: Page, address: str, press: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=press).click()
    page.locator(".board").wait_for()
    assert findings(page, address) == []


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_serious_is_found_for_operators(
    page: Page, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, screen: str
) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}
    monkeypatch.setattr(registry, "_declared", {User: cache_for(User)})
    olga = operator(*ALL)
    scene.build(olga)
    session = client_of(olga).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    assert findings(page, SCREENS[screen]()) == []
