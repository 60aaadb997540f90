"""The example project as uvicorn serves it: the pages work as they do under WSGI."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from cachedemo.embedded.server import HOST, free_port
from tests.browser.conftest import complains
from tests.processes import Process

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("people")]


@pytest.fixture
def page(run_python: Callable[..., Process], browser: Browser) -> Iterator[Page]:
    port = free_port()
    process = run_python("-m", "uvicorn", "config.asgi:application", f"--port={port}", OPEN_ACCESS="True")
    process.says("Uvicorn running", timeout=60)
    context = browser.new_context(base_url=f"http://{HOST}:{port}")
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complains(message) and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not complaints, complaints
    assert "Traceback" not in process.output(), process.output()


def test_a_user_is_read_and_written_under_asgi(page: Page, people: Any, users: Any) -> None:
    page.goto("/users/")
    expect(page.locator("body")).to_contain_text(people[0].name)
    page.goto("/write-through/users/1/")
    page.get_by_label("Name").first.fill("Asgard")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("body")).to_contain_text("Asgard")
    assert users.get(1).name == "Asgard"


def test_the_timeline_of_an_asgi_process_shows_its_steps(page: Page) -> None:
    page.goto("/cache-aside/users/1/")
    expect(page.locator("h1").first).to_be_visible()
    response = page.goto("/api/cache-aside/users/1")
    assert response is not None
    assert response.status == 200
