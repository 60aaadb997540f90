"""A script that is under way while another server is asked: whatever comes of it, no connection is lost."""

import inspect
import threading

import pytest

from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers import roles
from cachedemo.servers.client import Client, is_watched
from cachedemo.servers.roles import CACHE
from cachedemo.servers.scripts import Script
from cachedemo.tracing.cover import watching
from tests.helpers import until
from tests.servers import asked_again

DOUBLE = Script("double", "#!lua flags=no-writes\nreturn 2 * ARGV[1]")


@pytest.fixture(autouse=True)
def unwatched(redis_cache):
    """A request of the test before, in a thread of its own, may be traced still."""
    roles.reset()
    asked_again(CACHE)
    until(lambda: type(CACHE.client()) is Client and not is_watched())
    redis_cache.script_flush()


def begun():
    """Begin a script; return what waits for its answer, and its connection."""
    asked = (CACHE.begin_script(DOUBLE, ["v1:trip:1"], [2]) for _ in range(1000))
    answer = next(filter(None, asked), None)  # another thread may be refused just now, or be watched
    assert answer, (vars(CACHE.breaker), CACHE.cluster(), CACHE.client(), is_watched(), threading.enumerate())
    return answer, inspect.getclosurevars(answer).nonlocals["trip"]._connection


def in_use():
    """Those of other threads, which may look at the server meanwhile, are among them."""
    return CACHE.client().connection_pool._in_use_connections


def test_the_answer_is_read_later_and_the_connection_given_back(redis_cache):
    redis_cache.script_load(DOUBLE.source)
    answer, connection = begun()
    assert connection in in_use()
    assert CACHE.command("PING"), "others are asked meanwhile"
    assert answer() == 4
    assert connection.is_connected


def test_a_script_that_the_server_has_not_got_is_sent_whole():
    answer, _ = begun()
    assert answer() == 4


def test_a_connection_that_is_lost_meanwhile_is_an_outage():
    answer, connection = begun()
    connection.disconnect()
    with pytest.raises(CacheUnavailable):
        answer()
    assert connection not in in_use()


def test_where_somebody_watches_it_is_answered_at_once():
    with watching():
        assert CACHE.begin_script(DOUBLE, ["v1:trip:1"], [2]) is None
