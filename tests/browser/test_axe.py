"""axe-core finds nothing serious on any page, in light and dark, wide and narrow."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

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
]

pytestmark = pytest.mark.usefixtures("people", "open_access")


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def findings(page: Page, address: str) -> list[str]:
    """Return what axe calls serious in any look, each with the page, the look and the element."""
    page.goto(address)
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in SERIOUS:
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
