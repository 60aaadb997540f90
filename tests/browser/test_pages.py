"""The pages in a real browser: nothing is blocked by the policy, nothing overflows, everything can be read."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.usefixtures("people", "open_access")

PAGES = ["/users/", "/cache-aside/users/1/", "/write-behind/users/1/delete/", "/cache-aside/users/99/", "/nonsense"]
SIZES = [(1280, 800), (420, 900)]

# The text whose contrast with what lies behind it is below WCAG's AA, each with its ratio.
TOO_FAINT = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, noscript")) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${walk.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


@pytest.fixture
def open_access(settings):
    settings.OPEN_ACCESS = True


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`visit(path)` shows a page to a stranger; a complaint of the browser fails the test."""
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def show(path: str, scheme: str = "light", width: int = 1280, height: int = 800) -> Page:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.goto(path)
        return page

    yield show
    context.close()
    missing = "the server responded with a status of 404"  # as some pages of ours should
    assert not [complaint for complaint in complaints if missing not in complaint]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_can_be_read(visit, scheme):
    for address in PAGES:
        for width, height in SIZES:
            page = visit(address, scheme, width, height)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            assert page.evaluate(TOO_FAINT) == [], address


def test_the_api_documents_work_under_the_policy(visit):
    page = visit("/api/docs")
    page.locator(".opblock-get").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("id").fill("1")
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").get_by_text("Alice Singh").first.wait_for()


def test_with_the_keyboard_alone_a_user_is_found_and_changed(visit):
    page = visit("/users/")

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
            if page.evaluate(focused) == name:
                return
        pytest.fail(f"Tab never reached {name}")

    tab_to("Bob Pereira")
    page.keyboard.press("Enter")
    page.wait_for_url("**/users/2/")
    tab_to("Name")
    page.keyboard.type("Bo")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Saved in").wait_for()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Bo")
