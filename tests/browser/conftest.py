"""One browser for all tests; it may talk to nobody but this machine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.helpers import missing
from tests.operators import client_of

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} (Debian, Ubuntu: apt install chromium)")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs a loop of its own in this thread, which Django would take for ours.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`open_page(user, path)` shows a page to somebody signed in; a complaint of the browser fails the test."""
    contexts, complaints = [], []

    def show(user: Any, path: str, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, base_url=live_server.url
        )
        contexts.append(context)
        session = client_of(user).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: complains(message) and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith((live_server.url, "data:")) or complaints.append(request.url),
        )
        page.goto(path)
        return page

    yield show
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`visit(path)` shows a page; whatever the browser complains of, and any look elsewhere, fails the test."""
    contexts, complaints = [], []

    def show(path: str, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=live_server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda each: each.url.startswith(live_server.url) or complaints.append(each.url))
        page.goto(path)
        return page

    yield show
    for context in contexts:
        context.close()
    assert not complaints, complaints


def complains(message: ConsoleMessage) -> bool:
    """Whether the browser calls something wrong."""
    return message.type == "error"


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keep a picture where PICTURES says, if anywhere: `make pictures` sets it."""
    folder = os.environ.get("PICTURES")

    def take(page: Page, name: str) -> None:
        image = page.screenshot(full_page=True, animations="disabled")
        assert len(image) > 5000
        if folder:
            Path(folder, f"{name}.png").write_bytes(image)

    return take
