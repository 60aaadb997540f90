"""axe-core finds nothing serious on any page, in light and dark, wide and narrow."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from cachedemo import cache_for, registry
from playground import comparison, keep
from tests import scene
from tests.operators import ALL, client_of, operator, url
from users.models import User

SERIOUS = ("serious", "critical")
WITH_TARGETS = {"rules": {"target-size": {"enabled": True}}}  # 24 px (WCAG 2.2), which axe leaves out by default
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
DRY_RUNS = {"keys of a prefix": "Count", "live": "Watch the cache", "version": "Count", "danger": "Count"}
_TIMES = {"per_second": 100.0, "mean": 0.01, "p50": 0.01, "p99": 0.02}
FIGURES = {
    "article_ms": 200,
    "source_ms": 5.0,
    "article": [
        {"state": state, "user": f"user {n}", "seconds": 0.2, "origin": "source"}
        for state in ("cold", "warm")
        for n in (1, 2, 3)
    ],
    "reads": [{"ratio": 0.5, "hits": 0.5} | _TIMES],
    "writes": [{"pattern": "write-behind"} | _TIMES],
    "flush": [{"rows": 60, "batch_size": 1000, "seconds": 0.1, "per_second": 600.0}],
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
    """Go to a page and return what axe calls serious there."""
    page.goto(address)
    if address == "/api/docs":
        page.locator(".opblock").first.wait_for()
    return findings_here(page, address)


def findings_here(page: Page, address: str) -> list[str]:
    """Return what axe calls serious in any look with all details open, each with the page, the look and the element."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")  # fading
        for violation in Axe().run(page, options=WITH_TARGETS).response["violations"]:
            if violation["impact"] in SERIOUS and violation["id"] not in NOT_OURS.get(address, ()):
                first = violation["nodes"][0]["html"][:160]
                found.append(f"{address} {width} {scheme}: {violation['id']} ×{len(violation['nodes'])}, {first}")
    return found


@pytest.mark.parametrize("address", PAGES)
def test_nothing_serious_is_found(page: Page, address: str) -> None:
    assert findings(page, address) == []


@pytest.mark.parametrize(
    ("address", "press", "then"),
    [
        ("/lesson/write/", "Change Alice's name", ".board"),
        ("/lesson/two-writers/", "Now let two write", ".take-away"),
        ("/lab/killed-flusher/", "Run it", ".side.ours .verdict"),
        ("/compare/", "Run the script", ".chart"),
        ("/write-behind/users/1/", "stamp", "#term-stamp"),
        ("/write-behind/users/1/", "Save", ".message"),
    ],
)
def test_nothing_serious_is_found_once_a_button_was_pressed(
    page: Page, monkeypatch: pytest.MonkeyPatch, address: str, press: str, then: str
) -> None:
    monkeypatch.setattr(comparison, "PATIENCE", 0.1)  # there is no worker
    page.goto(address)
    page.get_by_role("button", name=press).first.click()
    page.locator(then).first.wait_for(timeout=30_000)
    assert findings_here(page, address) == []


def test_nothing_serious_is_found_in_figures(page: Page) -> None:
    kept = keep.save("bench", {})
    (keep.folder("bench") / f"{kept}.jsonl").write_text(json.dumps({"kind": "report", "report": FIGURES}) + "\n")
    assert findings(page, f"/bench/{kept}/") == []


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
    if screen in DRY_RUNS:
        page.get_by_role("button", name=DRY_RUNS[screen]).first.click()
        assert findings_here(page, screen) == []
