"""Copies in the process, whatever happens to the cache and to the connection that keeps them honest.

A mixed load of clients that keep copies, its history checked by their own rule: nothing older than `near`, and of what
the client itself has written nothing old at all.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import near_notes
from tests.faults import injectors
from tests.faults.proxy import Proxy
from tests.faults.run import NEAR, Load, refused_for_good_reasons
from tests.near_notes import copied
from tests.servers import paused

FAULTS: dict[str, Callable[[Any, Callable[[], None]], None]] = {
    "killed": lambda server, wait: [injectors.kill(server, wait) for _ in range(5)] and None,  # type: ignore[func-returns-value]
    "FLUSHDB": injectors.flush_database,
    "evictions": injectors.evict,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_read_is_older_than_near(
    fault: str, nursery: Any, transactional_db: None, tmp_path: Any, cache_server: Any
) -> None:
    load = Load(nursery, tmp_path, near=NEAR)
    load.begin(job="near_client")
    load.go_on(150)
    FAULTS[fault](cache_server, lambda: load.go_on(60))
    load.go_on(150)
    judged(load)


@pytest.mark.parametrize("fault", ["reset", "black hole"])
def test_no_read_is_older_than_near_though_the_connection_that_tracks_is_cut(
    fault: str, nursery: Any, transactional_db: None, tmp_path: Any, cache_server: Any
) -> None:
    """Only that connection meets it: nobody else sends a PING while the server is well."""
    with Proxy(cache_server.port) as proxy:
        load = Load(nursery, tmp_path, near=NEAR, settings={"CACHE_URL": f"redis://127.0.0.1:{proxy.port}/0"})
        load.begin(job="near_client")
        load.go_on(150)
        for _ in range(3):
            proxy.begin(fault, when=b"PING", times=2, delay=2 * NEAR)
            assert proxy.struck.wait(20)
            load.go_on(60)
            proxy.end()
            load.go_on(60)
        judged(load)


def judged(load: Load) -> None:
    report = load.end()
    assert not report.violations, str(report)
    assert refused_for_good_reasons(report), report.errors
    assert sum(job.wait().result for job in load.clients.values()) > 0, "nobody has read a copy"


@pytest.fixture
def near(notes: Any) -> Any:
    with near_notes.registered(NEAR) as cache:
        copied(cache, 1, 2)
        yield cache


def test_a_server_that_sleeps_confirms_no_copy(near: Any, cache_server: Any, short_timeouts: None) -> None:
    copied(near, 1)
    with paused(cache_server.pid):
        asleep = time.monotonic()
        begun, origin = asleep, "near"
        while origin == "near":
            begun = time.monotonic()
            origin = near.read(1).origin
            assert origin != "near" or begun < asleep + NEAR
        assert json.loads(near.read(1).body)["title"] == "a0"
        assert near.read(1).origin == "source"
    copied(near, 1)


WRITE = """
import sys, time
from cachedemo import cache_for
from tests.notes.models import Note
cache_for(Note).via(sys.argv[1]).update(1, title="a1")
print("acknowledged", time.monotonic_ns(), flush=True)
"""


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_what_another_process_has_written_shows_within_near(near: Any, run_code: Any, pattern: str) -> None:
    process = run_code(WRITE, pattern)
    reads: list[tuple[int, str, str]] = []  # when each began, what it returned, and from where
    while len(reads) < 2 or reads[-1][1] != "a1" or reads[-1][2] != "near":
        begun, entry = time.monotonic_ns(), near.read(1)
        reads.append((begun, json.loads(entry.body)["title"], entry.origin))
        time.sleep(0.001)
        assert begun < reads[0][0] + 30e9
    acknowledged = int(process.finish().split()[1])
    late = [each for each in reads if each[1] == "a0" and each[0] > acknowledged + NEAR * 1e9]
    assert not late
    assert {"a0", "a1"} == {title for _, title, origin in reads if origin == "near"}


FORKED = """
import os, time
from cachedemo.protocol.near_copies import COPIES
from tests import near_notes
with near_notes.registered(0.5) as notes:
    near_notes.copied(notes, 1)
    child = os.fork()
    if not child:
        assert not COPIES.by_key and not COPIES.listeners()
        near_notes.copied(notes, 1)
        notes.update(1, title="by the child")
        assert notes.get(1).title == "by the child"
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    near_notes.until(lambda: notes.get(1).title == "by the child")
    near_notes.copied(notes, 1)
    print("done", flush=True)
"""


def test_a_forked_process_listens_for_itself(notes: Any, run_code: Any) -> None:
    assert "done" in run_code(FORKED).finish(timeout=40)
