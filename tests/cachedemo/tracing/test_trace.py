"""The trace: what a request sent is what the servers saw, and nobody pays for it who does not look."""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import connections

import cachedemo
from cachedemo import cache_for
from cachedemo.protocol import transactions, wake
from cachedemo.servers import roles
from cachedemo.servers.client import Client
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.scripts import MAY_WRITE
from cachedemo.tracing import words as tracing_words
from cachedemo.tracing.trace import server_timing
from tests.environment import ROOT
from tests.helpers import opening
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def users():
    users = cache_for(User)
    users.announce()
    return users


class Monitor:
    """What MONITOR of one server saw, in order; scripts' own commands, the counting thread and greetings aside."""

    GREETING = ("HELLO", "SELECT", "CLIENT SETINFO", "INFO replication")  # what begins a connection, whoever opens it

    def __init__(self, client: redis.Redis, database: int) -> None:
        self.client = client
        self.marker = client.client()  # a connection of its own, open already
        self.marker.ping()
        self.database = database
        self.seen: list[str] = []
        self._end = f"end-of-{id(self)}"

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        ready = threading.Event()
        thread = threading.Thread(target=self._listen, args=[ready])
        thread.start()
        assert ready.wait(5)
        try:
            yield
        finally:
            self.marker.echo(self._end)
            thread.join(5)
            self.marker.close()

    def _listen(self, ready: threading.Event) -> None:
        with self.client.monitor() as monitor:
            ready.set()
            for entry in monitor.listen():
                if self._end in entry["command"]:
                    return
                said = entry["command"]
                of_others = said.startswith(self.GREETING) or "stats" in said or is_a_look(said)
                if entry["client_type"] != "lua" and entry["db"] == self.database and not of_others:
                    self.seen.append(said)


def is_a_look(said: str) -> bool:
    """Whether a thread looks, once a second, whether the cache takes writes."""
    return MAY_WRITE.digest in said or "allow-cross-slot-keys" in said


def as_monitor_has_it(words: tuple[Any, ...]) -> str:
    return " ".join(_quoted(word if isinstance(word, bytes) else str(word).encode()) for word in words)


def _quoted(word: bytes) -> str:
    printable = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in word)
    return re.sub(r"\\x0a", r"\\n", printable)


def sent_to(steps, server):
    return [as_monitor_has_it(step.words) for step in steps if step.server == server]


def cold_read(users):
    users.read(1)


def warm_read(users):
    users.read(2, with_ttl=True)


def cache_aside(users):
    users.via("cache-aside").update(2, name="Ann")


def write_through(users):
    users.via("write-through").update(2, name="Ann")


def write_behind(users):
    users.via("write-behind").update(2, name="Ann")
    users.flush()


@pytest.mark.parametrize("request_made", [cold_read, warm_read, cache_aside, write_through, write_behind])
def test_the_steps_are_the_commands_that_monitor_saw(users, request_made, redis_cache, redis_queue):
    users.read(2)
    write_behind(users)  # the scripts are loaded, the connections open
    users.via("write-through").update(3, name="Cy")
    cache, queue = Monitor(redis_cache, 0), Monitor(redis_queue, 1)
    with cache.watching(), queue.watching(), cachedemo.trace() as steps:
        request_made(users)
    assert sent_to(steps, "cache") == [command.replace('\\"', '"') for command in cache.seen] != []
    assert sent_to(steps, "queue") == [command.replace('\\"', '"') for command in queue.seen]


def test_untraced_the_client_in_use_is_the_plain_one(users):
    plain = CACHE.client(), QUEUE.client()
    trip, ask = transactions.trip, wake.wake
    with cachedemo.trace():
        users.read(1)
        with cachedemo.trace():
            assert CACHE.client() is not plain[0]
        assert CACHE.client() is not plain[0], "the outer trace still watches"
    assert (CACHE.client(), QUEUE.client()) == plain
    assert [type(client) for client in plain] == [Client, Client]
    assert not {"execute_command", "pipeline"} & (vars(plain[0]).keys() | vars(CACHE).keys())
    assert (transactions.trip, wake.wake) == (trip, ask)
    assert trip.__module__ == "cachedemo.protocol.transactions"


def test_untraced_the_database_connection_is_the_plain_one(users):
    connection = connections["default"]
    with cachedemo.trace():
        users.read(1)
    assert connection.execute_wrappers == []
    assert not {"commit", "rollback"} & vars(connection).keys()


def test_a_trace_that_ends_in_an_error_leaves_plain_clients_too(users):
    with pytest.raises(User.DoesNotExist), cachedemo.trace() as steps:
        users.read(99)
    assert type(CACHE.client()) is Client
    assert steps[-1].purpose.startswith("put what was loaded")


def test_a_trace_sees_its_own_thread_only(users):
    def read_in_another() -> None:
        users.read(2)
        connections["default"].close()

    with cachedemo.trace() as steps:
        other = threading.Thread(target=read_in_another)
        other.start()
        other.join()
        users.read(1)
    assert "v2:user:1" in str(steps)
    assert "v2:user:2" not in str(steps)


def test_both_of_two_nested_traces_see_a_step(users):
    with cachedemo.trace() as outer, cachedemo.trace() as inner:
        users.read(1)
    assert [step.command for step in outer] == [step.command for step in inner]


def test_statements_begin_and_commit_are_steps_in_their_order(users):
    with cachedemo.trace() as steps:
        users.via("write-through").update(1, name="Al")
    words = [step.command.split()[0] for step in steps if step.server == "database"]
    assert words == [*opening(), "UPDATE", "COMMIT"]
    servers_asked = [step.server for step in steps]
    assert servers_asked == ["cache", "queue", *["database"] * len(words), "cache", "queue"]
    assert [step.start for step in steps] == sorted(step.start for step in steps)


def test_each_step_says_what_it_was_for_and_which_line_took_it(users):
    with cachedemo.trace() as steps:
        users.read(1)
        users.via("write-behind").update(1, name="Al")
        users.via("cache-aside").update(1, name="Al")
        users.flush()
    for step in steps:
        assert step.purpose, step
        assert step.place.file.startswith("cachedemo/"), step
        line = (ROOT / step.place.file).read_text().splitlines()[step.place.line - 1]
        assert line.strip(), step
    lease = steps[1]
    assert lease.command.startswith("SET v2:user:1 L")
    assert "take the lease" in lease.purpose
    assert [place.function for place in lease.stack] == ["take_lease", "load"]


PARTS = {"queue", "rows", "batch", "change", "moved", "moved_shard", "joint"}  # of other scripts
JOINED = {"ack_and_claim"}  # of two of them


def test_a_write_that_drops_the_copy_speaks_of_no_mark(users):
    said = {}
    for request_made in (cache_aside, write_through):
        users.read(2)
        with cachedemo.trace() as steps:
            request_made(users)
        said[request_made] = [step.purpose for step in steps if " finish " in step.command][-1]  # NOSCRIPT before
    assert said[cache_aside] == "the database has it: empty the slot"
    assert "in place of the mark" in said[write_through]


def test_every_script_that_a_trace_can_meet_has_words_for_what_it_is_for():
    scripts = {path.stem for path in (ROOT / "cachedemo" / "protocol" / "lua").glob("*.lua")} - PARTS
    assert scripts | JOINED == tracing_words._SCRIPTS.keys()


def test_the_simulated_way_and_the_request_for_a_flush_are_steps(users, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "SOURCE_LATENCY_MS": 20}
    with cachedemo.trace() as steps:
        users.read(1)
        users.via("write-behind").update(1, name="Al")
    way = next(step for step in steps if step.command == "TRIP")
    assert way.took >= 20_000
    assert [step.command for step in steps if step.server == "worker"] == ["WAKE flush:users"]


def test_an_outage_is_a_step_with_its_error(users, broken_cache):
    users.read(1)
    with broken_cache():
        with cachedemo.trace() as steps:
            assert users.get(1).name == "Alice Singh"
        assert "refused" in steps[0].error or "closed" in steps[0].error
        assert steps[-1].server == "database"


def test_a_script_that_the_server_has_not_got_is_two_steps(users, redis_cache):
    redis_cache.script_flush()
    with cachedemo.trace() as steps:
        users.read(1)
    commands = [step.command.split()[:2] for step in steps if step.server == "cache"]
    assert commands[-2:] == [["EVALSHA", "fill"], ["EVAL", "fill"]]


def test_a_trace_as_server_timing(users):
    with cachedemo.trace() as steps:
        users.read(1)
    header = server_timing(steps)
    assert re.fullmatch(
        r'cache;desc="3 steps";dur=[\d.]+, queue;desc="3 steps";dur=[\d.]+, database;desc="1 step";dur=[\d.]+', header
    )


def test_a_developer_sees_the_servers_in_the_header_and_a_stranger_does_not(client, settings):
    settings.OPEN_ACCESS = True
    assert "Server-Timing" not in client.get("/api/cache-aside/users/1")
    settings.DEBUG = True
    header = client.get("/api/cache-aside/users/2")["Server-Timing"]
    assert re.search(r'cache;desc="\d+ steps";dur=[\d.]+', header)
    assert re.search(r'database;desc="1 step";dur=[\d.]+', header)


def test_a_reset_while_somebody_watches_leaves_nothing_behind(users):
    with cachedemo.trace():
        roles.reset()
        users.read(1)
    assert type(CACHE.client()) is Client
