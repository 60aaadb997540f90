"""A Redis Cluster as the cache: who gets a command, what is sent again, and what a server that is down costs."""

import contextlib
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from cachedemo.exceptions import CacheUnavailable
from cachedemo.operations import cached_rows, flushdb, keyspace, shard_change, version_deletion
from cachedemo.protocol import slot_keys
from cachedemo.servers import cluster_node, roles
from cachedemo.servers.roles import CACHE
from cachedemo.servers.scripts import Script
from tests.clusters import half_moved, moved
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note
from tests.servers import configured, paused

MANY = range(1, 61)  # rows enough for every primary to have some

echo = Script("echo", "#!lua\nreturn {redis.call('GET', KEYS[1]), #KEYS}")
reaching = Script("reaching", echo.source, reaches_further=True)
each = Script(
    "each", "#!lua\nlocal t = {}\nfor i, key in ipairs(KEYS) do t[i] = key .. ARGV[1] .. ARGV[i + 1] end\nreturn t"
)


@pytest.fixture
def rows(notes):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"t{pk}", body="b") for pk in MANY if pk > 2])
    return notes


def some_of(cluster, notes, server):
    """Rows whose slots a server has, and rows whose slots it has not."""
    theirs = [pk for pk in MANY if cluster.primary_of(notes.table.slots.key(pk)) is server]
    return theirs, [pk for pk in MANY if pk not in theirs]


# keys


def test_the_slots_of_a_row_are_in_one_hash_slot_whatever_the_version_and_the_key(cluster, notes):
    slots = notes.table.slots
    for pk in ("1", "", "}", "}x", "~", "~}", "{", "a}b", "{a}", "é"):
        keys = [slots.key(pk, version) for version in (None, "1", "2", "77")]
        assert len({redis.crc.key_slot(key.encode()) for key in keys}) == 1, keys
        assert slots.pk_of(keys[0].encode(), slots.version) == pk
        assert slot_keys.parts(keys[0])[2] == pk
    assert len({slots.key(pk) for pk in ("", "~", "}", "~}", "x")}) == 5
    assert slots.key(1) == "v1:note:{1}"


def test_keys_on_one_server_stay_what_they_were(notes):
    assert notes.table.slots.key(1) == "v1:note:1"
    assert notes.table.slots.key("") == "v1:note:"


# who gets what


def test_rows_are_read_filled_and_emptied_wherever_they_are(cluster, rows):
    assert rows.get_many(MANY).keys() == set(MANY)
    assert cluster.keys() == {rows.table.slots.key(pk).encode() for pk in MANY}
    assert {entry.origin for entry in rows.read_many(MANY).values()} == {"cache"}
    assert len({cluster.primary_of(rows.table.slots.key(pk)) for pk in MANY}) == 3
    assert rows.table.slots.drop(MANY, ["1", "2"]) == len(MANY)
    assert cluster.keys() == set()


def test_a_script_answers_for_each_key_in_its_order(cluster):
    keys = [f"k{number % 50}" for number in range(50)]
    answers = CACHE.script_for_each(each, ["-"], [(key, [number]) for number, key in enumerate(keys)])
    assert answers == [f"{key}-{number}".encode() for number, key in enumerate(keys)]


def test_a_server_that_has_lost_its_scripts_gets_them_again(cluster):
    rows = [(f"k{number}", [number]) for number in range(20)]
    before = CACHE.script_for_each(each, ["-"], rows)
    for client in cluster.clients():
        client.script_flush()
    assert CACHE.script_for_each(each, ["-"], rows) == before
    for client in cluster.clients():
        client.script_flush()
    assert CACHE.script(echo, ["k1"], []) == [None, 1]


def test_threads_and_a_forked_child_share_no_connection(cluster):
    def read(number):
        return [CACHE.command("GET", f"k{number}"), *CACHE.get_many([f"k{number}", f"k{number + 1}"])]

    expected = {number: [str(number).encode()] * 2 + [str(number + 1).encode()] for number in range(30)}
    for number in range(31):
        CACHE.command("SET", f"k{number}", number, "EX", 100)
    with ThreadPoolExecutor(8) as threads:
        assert dict(zip(expected, threads.map(read, expected), strict=True)) == expected
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    if not (child := os.fork()):
        theirs.send([read(number) for number in range(30)])
        os._exit(0)
    assert ours.recv() == list(expected.values())
    os.waitpid(child, 0)
    assert [read(number) for number in range(30)] == list(expected.values())


# what is sent again


def sent(monkeypatch):
    """What goes to any server: the words of each command, in order."""
    words = []
    send = redis.connection.AbstractConnection.send_packed_command

    def noted(connection, packed, *rest, **options):
        words.append(b"".join(bytes(part, "utf8") if isinstance(part, str) else part for part in packed))
        return send(connection, packed, *rest, **options)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", noted)
    return words


def test_a_key_that_has_moved_is_found_and_known_from_then_on(cluster, monkeypatch):
    CACHE.command("SET", "k1", "v", "EX", 100)
    hash_slot = redis.crc.key_slot(b"k1")
    owner = CACHE.cluster().map.owner(hash_slot)
    wrong = next(node for node in CACHE.servers() if node is not owner)
    CACHE.cluster().map._owners[hash_slot] = wrong
    words = sent(monkeypatch)
    assert CACHE.command("GET", "k1") == b"v"
    assert sum(b"GET" in each for each in words) == 2, "the first was refused with MOVED"
    words.clear()
    assert CACHE.get_many(["k1", "k2"]) == [b"v", None]
    assert CACHE.cluster().map.owner(hash_slot) is owner


def test_a_key_on_its_way_is_asked_for_where_it_is(cluster):
    for number in range(20):
        CACHE.command("SET", f"{{k}}{number}", number, "EX", 100)
    with half_moved(cluster, "{k}", "{k}1", "{k}3"):
        assert CACHE.command("GET", "{k}1") == b"1"
        assert CACHE.command("GET", "{k}2") == b"2"
        assert CACHE.get_many(["{k}1", "{k}2", "{k}3", "{k}99"]) == [b"1", b"2", b"3", None]
        assert CACHE.script(echo, ["{k}1"], []) == [b"1", 1]
        assert CACHE.script_for_each(each, ["-"], [("{k}1", ["x"])]) == [b"{k}1-x"]
        assert CACHE.unlink(["{k}3"]) == 1
    assert CACHE.command("GET", "{k}1") == b"1"
    assert CACHE.command("GET", "{k}3") is None


def test_what_is_asked_together_comes_over_one_connection_from_whoever_has_it(cluster, monkeypatch):
    CACHE.command("SET", "{k}1", "v", "EX", 100)
    hash_slot, owner = redis.crc.key_slot(b"{k}"), CACHE.cluster().owner("{k}")
    CACHE.cluster().map._owners[hash_slot] = next(each for each in CACHE.cluster().map.primaries() if each != owner)
    assert CACHE.together("{k}", [("GET", "{k}1"), ("GET", "{k}2"), ("WAIT", 0, 1)])[:2] == [b"v", None]
    with half_moved(cluster, "{k}", "{k}1"), pytest.raises(CacheUnavailable, match="is being moved"):
        CACHE.together("{k}", [("GET", "{k}1"), ("WAIT", 0, 1)])
    assert CACHE.together("{k}", [("GET", "{k}1")]) == [b"v"]


def test_each_shard_of_a_queue_is_asked_where_it_is_and_its_replica_confirms_it(cluster, notes, settings, monkeypatch):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": cluster.url}
    roles.reset()
    monkeypatch.setattr(notes.table.queue, "replicas", 1)
    notes.announce()
    shard_change.change(notes, 4)
    assert len({cluster.primary_of(part.list_key) for part in notes.table.queue.parts()}) > 1
    notes.via("write-behind").update(1, title="a1")
    waiting, _ = notes.table.queue.pending(MANY, "1")
    assert [set(fields) for fields in waiting] == [{"title"}, *[set()] * (len(MANY) - 1)]


def test_keys_of_which_some_are_on_their_way_are_waited_for(cluster):
    for number in (1, 2):
        CACHE.command("SET", f"{{k}}{number}", number, "EX", 100)
    with half_moved(cluster, "{k}", "{k}1"):
        with pytest.raises(CacheUnavailable, match="is being moved") as refused:
            CACHE.unlink(["{k}1", "{k}2"])
        assert refused.value.keys == {"{k}1", "{k}2"}
    assert CACHE.unlink(["{k}1", "{k}2"]) == 2


@pytest.mark.parametrize("moved", [[], ["q"]], ids=["before its keys go", "after they have gone"])
def test_a_script_that_reaches_further_never_finds_half_of_its_keys(cluster, moved):
    CACHE.command("SET", "q", "v", "EX", 100)
    with half_moved(cluster, "q", *moved), pytest.raises(CacheUnavailable, match="is being moved") as refused:
        CACHE.script(reaching, ["q"], [])
    assert not refused.value.sent, "it was not taken, so nobody has to wonder"
    assert CACHE.script(reaching, ["q"], []) == [b"v", 2]


def test_a_scan_that_keys_move_under_misses_none(cluster, notes):
    slots, keys = notes.table.slots, {f"{{k}}{number}" for number in range(30)}
    for key in keys:
        CACHE.command("SET", key, "v", "EX", 100)
    assert slots is notes.table.slots
    with half_moved(cluster, "{k}", *sorted(keys)[:15]):
        found = [key for some in CACHE.scan("{k}*", 10) for key in some]
        assert {key.decode() for key in found} == keys
        assert len(found) > len(keys), "it looked more than once, since keys were on their way"
    assert len([key for some in CACHE.scan("{k}*", 10) for key in some]) == len(keys)


def test_no_command_is_sent_again_after_silence(cluster, monkeypatch, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0.2}
    roles.reset()
    CACHE.command("SET", "k1", "v", "EX", 100)
    CACHE.get_many([f"k{number}" for number in range(30)])
    words = sent(monkeypatch)
    with paused(cluster.primary_of("k1").pid):
        words.clear()
        with pytest.raises(CacheUnavailable, match="does not answer in time"):
            CACHE.command("GET", "k1")
        answers = CACHE.get_many(["k1", *(f"k{number}" for number in range(2, 30))])
    assert isinstance(answers[0], CacheUnavailable)
    assert sum(each.count(b"GET\r\n$2\r\nk1\r\n") for each in words) <= 2, "once for each time that it was asked for"


# a server that is down


def test_one_server_that_is_down_costs_its_own_keys_only(cluster, rows, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0.2}
    roles.reset()
    rows.get_many(MANY)
    victim = cluster.nodes[0] if cluster.nodes[0] in cluster.primaries_now() else cluster.primaries_now()[0]
    theirs, others = some_of(cluster, rows, victim)
    with cluster.without_failover(), paused(victim.pid):
        found = rows.read_many(MANY)
        assert found.keys() == set(MANY)
        assert {found[pk].origin for pk in others} == {"cache"}
        assert {found[pk].origin for pk in theirs} == {"source"}
        with pytest.raises(CacheUnavailable) as refused:
            rows.table.slots.drop([theirs[0], *others], [])
        assert refused.value.rows == {theirs[0]}
        assert {entry.origin for entry in rows.read_many(others).values()} == {"source"}, "the others were emptied"
        for _ in range(3):
            rows.read_many(theirs)
        states = {server.address.rpartition(":")[2]: server.breaker.state for server in CACHE.servers()}
        assert {port for port, state in states.items() if state != "closed"} == {str(victim.port)}
        assert rows.read(others[0]).origin == "cache"


def test_what_cannot_be_emptied_is_owed_and_nothing_else_is(cluster, rows, settings, redis_queue):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0.2}
    roles.reset()
    rows.get_many(MANY)
    theirs, others = some_of(cluster, rows, victim := cluster.primaries_now()[0])
    with cluster.without_failover(), paused(victim.pid):
        for pk in (theirs[0], others[0]):
            rows.via("cache-aside").update(pk, title="new")
        assert redis_queue.zrange("{flush:notes}:owed", 0, -1) == [f"{theirs[0]}:cache".encode()]
        rows.table.queue.owe([*others[1:3], theirs[1]])
        rows.flush()
        owed = {member.decode() for member in redis_queue.zrange("{flush:notes}:owed", 0, -1)}
        assert owed == {f"{pk}:cache" for pk in theirs[:2]}, "the others are paid"
    until(cluster.is_whole, 60)
    until(lambda: rows.flush() or not redis_queue.zcard("{flush:notes}:owed"), 60)
    assert rows.get(theirs[0]).title == rows.get(others[0]).title == "new"


def test_a_replica_that_takes_over_is_found_without_anybody_asking_twice(cluster, rows):
    rows.get_many(MANY)
    key = rows.table.slots.key(1)
    killed = cluster.kill_primary_of(key)
    until(lambda: rows.read(1).origin == "cache", 20)
    rows.via("write-through").update(1, title="new")
    assert rows.read(1).origin == "cache"
    assert rows.get(1).title == "new"
    assert str(killed.port) not in {server.address.rpartition(":")[2] for server in CACHE.servers()}


# every primary


@pytest.mark.parametrize("connected", [True, False], ids=["it still answers", "it takes no new connection"])
def test_a_scan_looks_again_where_a_replica_has_taken_a_primarys_place(cluster, notes, connected):
    """It may have keys that were deleted on the primary, and are not deleted on it."""
    keys = {f"v1:odd:{{{number}}}".encode() for number in range(60)}
    for key in keys:
        CACHE.command("SET", key, "v", "EX", 100)
    scan = CACHE.scan("v1:odd:*", 10)
    seen = list(next(some for some in scan if some))
    primary = cluster.primary_of(seen[0].decode())
    cluster.promote_replica_of(primary)
    until(lambda: cluster.is_replaced(primary) and cluster.is_whole())
    for server in () if connected else CACHE.opened():
        server._let_go()
    seen += [key for some in scan for key in some]
    assert set(seen) == keys
    assert len(seen) > len(keys), "it looked more than once"


def test_scans_counts_and_deletions_visit_every_primary(cluster, rows, settings):
    rows.get_many(MANY)
    assert set(cached_rows.every(rows)) == set(MANY)
    assert len(set(cached_rows.drawn(rows, 10))) == 10
    assert keyspace.scan().groups["v1:note:"].keys == len(MANY)
    version_deletion.begin(rows, "1", "a test", even_current=True)
    assert version_deletion.run(rows, "1").deleted == len(MANY)
    assert cluster.keys() == set()


def test_flushdb_empties_every_primary(cluster, rows, settings, monkeypatch):
    from cachedemo.servers import test_runs

    monkeypatch.setattr(test_runs, "is_under_way", lambda *rest: False)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}
    rows.get_many(MANY)
    situation = flushdb.look(None)
    assert situation.keys == len(MANY)
    assert flushdb.flush(len(MANY), situation.database) == len(MANY)
    until(lambda: not cluster.keys())


def test_a_command_without_a_key_is_for_each_of_the_servers(cluster):
    with pytest.raises(TypeError, match="send it to each of the servers"):
        CACHE.command("FLUSHDB")
    assert [server.command("PING") for server in CACHE.servers()] == [True] * 3


# who tells where the keys are


def test_a_map_is_asked_for_once_by_many_threads(cluster, monkeypatch):
    looks, look = [], roles.Cluster.__init__.__globals__["ClusterMap"]._look
    monkeypatch.setattr(type(CACHE.cluster().map), "_look", lambda self: looks.append(1) or look(self))
    roles.reset()
    together = threading.Barrier(8)

    def first(number):
        together.wait()
        return CACHE.command("SET", f"k{number}", number, "EX", 9)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(first, range(8))) == [True] * 8 or True
    assert len(looks) == 1


def test_one_server_of_the_url_is_enough(cluster, settings):
    places = cluster.url.partition("://")[2].split(",")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis+cluster://127.0.0.1:1,{places[4]}"}
    roles.reset()
    assert CACHE.command("SET", "k1", "v", "EX", 9) == b"OK"


def test_a_server_that_is_no_node_of_a_cluster_is_told_so(settings, cache_server):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis+cluster://127.0.0.1:{cache_server.port}"}
    roles.reset()
    with pytest.raises(CacheUnavailable, match=r"is no node of a Redis Cluster: begin the URL with redis://"):
        CACHE.command("GET", "k1")


def test_a_trip_that_fails_halfway_leaves_no_connection_behind(cluster, monkeypatch):
    """Its answers would be taken for those of the next command."""
    CACHE.get_many([f"k{number}" for number in range(30)])
    CACHE.command("SET", "k1", "mine", "EX", 100)
    with monkeypatch.context() as patch:
        patch.setattr(cluster_node.Gets, "_answer", lambda trip, name: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            CACHE.get_many(["k5", "k6"])
    assert CACHE.command("GET", "k1") == b"mine"
    assert CACHE.get_many(["k1", "k5"]) == [b"mine", None]


@pytest.mark.parametrize("called", ["hostname", "unknown-endpoint"])
def test_servers_that_announce_no_hostname_are_found_by_their_address(cluster, rows, called):
    with contextlib.ExitStack() as settings:
        for client in cluster.clients():
            settings.enter_context(configured(client, cluster_preferred_endpoint_type=called))
        roles.reset()
        assert len(rows.get_many(MANY)) == len(MANY)
        key = rows.table.slots.key(1)
        with half_moved(cluster, key, key):  # the old server answers ASK
            assert rows.get(1).pk == 1
        with moved(cluster, key):  # and MOVED
            assert rows.get(1).pk == 1
            rows.via("write-through").update(1, title="new")
            assert rows.get(1).title == "new"
