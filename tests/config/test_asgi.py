"""uvicorn, as a process of its own, with a thousand readers at a time."""

import asyncio
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cachedemo.embedded.server import HOST, free_port
from tests.processes import Process

READERS = 1000

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("people")]


@pytest.fixture
def port(run_python: Callable[..., Process]) -> Iterator[int]:
    port = free_port()
    # A database that takes its time: all readers are there before the first has its answer.
    command = ["-m", "uvicorn", "tests.config.readers_asgi:application", f"--port={port}", "--backlog=4096"]
    process = run_python(*command, SOURCE_LATENCY_MS="300", DJANGO_SETTINGS_MODULE="config.settings")
    process.says("Uvicorn running", timeout=60)
    yield port
    assert "Traceback" not in process.output(), process.output()


async def _get(port: int, path: str) -> tuple[str, str]:
    """Return the origin and the body of an answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200"), answer
    return head.lower().partition("x-origin: ")[2].partition("\r\n")[0], body


async def _all_at_once(port: int, path: str) -> list[tuple[str, str]]:
    return list(await asyncio.gather(*(_get(port, path) for _ in range(READERS))))


def test_of_a_thousand_readers_of_one_cold_row_one_asks_the_database(
    port: int, people: Any, redis_cache: Any, users: Any
) -> None:
    assert asyncio.run(_get(port, "/read/2"))[0] == "source"  # the version is announced, the connections are open
    before = _statements(port)
    redis_cache.unlink("v2:user:1")
    found = asyncio.run(_all_at_once(port, "/read/1"))
    assert {body for _, body in found} == {users.read(1).body.decode()}
    assert Counter(origin for origin, _ in found) == {"source": 1, "cache": READERS - 1}
    assert _statements(port) == before + 1


def _statements(port: int) -> int:
    with urllib.request.urlopen(f"http://{HOST}:{port}/statements") as answer:
        return len(answer.read().splitlines())
