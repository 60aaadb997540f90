"""A bad network before Redis: slow, cut, silent once the request was sent. What is not known is not acknowledged."""

from functools import partial

import pytest
from django.conf import settings

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable, Unavailable
from cachedemo.servers import roles
from tests.faults.proxy import Proxy
from tests.faults.run import Load
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note
from tests.servers import asked_again

PATTERNS = ["cache-aside", "write-through", "write-behind"]
MOST_REQUESTS = 12


@pytest.fixture
def to_queue(queue_server):
    with Proxy(queue_server.port) as proxy:
        yield proxy


@pytest.fixture
def to_cache(cache_server):
    with Proxy(cache_server.port) as proxy:
        yield proxy


@pytest.fixture
def urls(to_cache, to_queue):
    host = "redis://127.0.0.1"
    return {"CACHE_URL": f"{host}:{to_cache.port}/0", "QUEUE_URL": f"{host}:{to_queue.port}/1"}


@pytest.fixture
def notes(transactional_db, urls, monkeypatch):
    """The cache of notes, with both of its servers behind a proxy."""
    for name, url in urls.items():
        monkeypatch.setitem(settings.CACHEDEMO, name, url)
    roles.reset()
    notes = cache_for(Note)
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0")])
    notes.get(1)
    yield notes
    roles.reset()


def outcome_of(write):
    """Return whether a write was acknowledged."""
    try:
        write()
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_request_whose_answer_is_cut_off_is_no_acknowledgement(notes, to_queue, pattern, times, settings):
    """Each request to the queue in turn is taken by it, and its answer lost: once, and again when it is repeated."""
    for number in range(1, MOST_REQUESTS):
        roles.reset()
        notes.get(1)
        to_queue.begin("reset after", times=times, skip=number - 1)
        acknowledged = outcome_of(partial(notes.via(pattern).update, 1, title=f"a{number}"))
        struck = to_queue.struck.is_set()
        to_queue.end()
        roles.reset()
        assert notes.get(1).title == f"a{number}" or not acknowledged
        until(lambda: notes.drain(timeout=5) == 0)
        assert notes.get(1).title == Note.objects.get(pk=1).title
        if not struck:
            assert acknowledged
            return
    pytest.fail("a write takes more requests than that")


@pytest.mark.parametrize("pattern", ["cache-aside", "write-behind"])
def test_a_queue_that_falls_silent_acknowledges_nothing(notes, to_queue, pattern):
    to_queue.begin("black hole")
    with pytest.raises((QueueUnavailable, OutcomeUnknown)):
        notes.via(pattern).update(1, title="a1")
    to_queue.end()


def test_a_queued_write_that_arrives_late_does_not_come_after_a_newer_one(notes, to_queue):
    """The network holds a write back; the writer gives up, somebody else writes, and then it arrives."""
    to_queue.begin("hold", when=b"new", delay=1.3, times=1)
    acknowledged = outcome_of(lambda: notes.via("write-behind").update(1, title="new"))
    assert to_queue.struck.is_set()
    if acknowledged:
        notes.via("write-behind").update(1, title="newer")
    until(lambda: not to_queue.held)
    notes.drain(timeout=5)
    assert not acknowledged or notes.get(1).title == "newer"


def test_a_restarted_queue_is_found_again_although_nothing_is_sent_twice(notes, queue_server):
    notes.via("write-behind").update(1, title="a1")
    queue_server.kill()
    queue_server.start()
    asked_again(roles.QUEUE)
    notes.via("write-behind").update(1, title="a2")
    assert notes.get(1).title == "a2"


@pytest.mark.parametrize("fault", ["reset after", "black hole"])
def test_a_mixed_load_over_a_bad_network(fault, nursery, transactional_db, tmp_path, to_cache, to_queue, urls):
    load = Load(nursery, tmp_path, settings=urls)
    load.begin()
    load.go_on(50)
    with load.cache_out_of_reach():
        for proxy in (to_cache, to_queue):
            proxy.begin(fault, times=5)
        until(lambda: to_cache.times == to_queue.times == 0, timeout=20)
        load.go_on(20)
        for proxy in (to_cache, to_queue):
            proxy.end()
    load.go_on(50)
    report = load.end()
    assert not report.violations, str(report)
