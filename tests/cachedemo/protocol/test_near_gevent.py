"""Copies in a process whose threads are gevent's: it listens beside what its greenlets do."""

from typing import Any

PATCHED = """
from gevent import monkey
monkey.patch_all()
import django
django.setup()
import gevent
from tests import near_notes
with near_notes.registered(0.5) as notes:
    near_notes.copied(notes, 1, 2)
    origins = []
    def read(pk):
        for _ in range(20):
            origins.append(notes.read(pk).origin)
            gevent.sleep(0)
    gevent.joinall([gevent.spawn(read, 1 + number % 2) for number in range(10)], raise_error=True)
    assert "near" in origins, origins
    print("copied", flush=True)
    near_notes.until(lambda: notes.get(1).title == "a1")
    notes.update(2, title="own")
    assert notes.get(2).title == "own"
    print("heard", flush=True)
"""


def test_greenlets_read_copies_and_hear_of_changes(notes: Any, run_python: Any) -> None:
    process = run_python("-c", PATCHED)
    process.says("copied", timeout=30)
    notes.update(1, title="a1")
    assert "heard" in process.finish(timeout=40)


PATCHED_LATE = """
import django
django.setup()
from cachedemo.protocol.near_copies import COPIES
from tests import near_notes
with near_notes.registered(0.5) as notes:
    notes.read_many([1, 2])  # so that what comes asks the cache alone
    near_notes.stop_listening()
    from gevent import monkey
    monkey.patch_all()
    import gevent
    def read(pk):
        for _ in range(20):
            COPIES.forget([])  # as what changes a row does; while another greenlet starts the listener
            notes.read(pk)
            gevent.sleep(0)
    gevent.joinall([gevent.spawn(read, 1 + number % 2) for number in range(10)], raise_error=True)
    print("everybody has read", flush=True)
    near_notes.copied(notes, 1, 2)
    print("copied", flush=True)
    import os
    os._exit(0)  # an interpreter that was patched as late as this may crash when it ends
"""


def test_greenlets_do_not_wait_for_locks_that_are_older_than_gevent(notes: Any, run_python: Any) -> None:
    process = run_python("-c", PATCHED_LATE)
    process.says("everybody has read", timeout=30)
    assert "copied" in process.finish(timeout=40)
