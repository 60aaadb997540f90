"""A cold key is loaded once however many readers ask; a hot key being written sends nobody to the database."""

import threading

import pytest

from cachedemo import cache_for
from cachedemo.protocol import database, loading
from cachedemo.protocol.slots import Slots
from tests.helpers import past_cachedemo
from tests.interleaving import interleaving
from users.models import User

PROCESSES, THREADS = 4, 50

READERS = f"""
import threading, time
from django.db import connections
from cachedemo import cache_for
from cachedemo.protocol import database, loading
from cachedemo.protocol.slots import Slots
from cachedemo.servers import roles
from users.models import User

users, loads, names = cache_for(User), [], []
users.announce()
select = database.select
database.select = lambda *arguments: loads.append(1) or select(*arguments)
barrier = threading.Barrier({THREADS})

def read():
    barrier.wait()
    names.append(users.get(1).name)
    connections.close_all()

print("ready", flush=True)
while not roles.queue().exists("gate"):
    time.sleep(0.005)
threads = [threading.Thread(target=read) for _ in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("loads", len(loads), "names", len(names), set(names), flush=True)
"""


@pytest.mark.usefixtures("people")
def test_two_hundred_readers_in_four_processes_ask_the_source_once(run_code, redis_queue):
    processes = [run_code(READERS, SOURCE_LATENCY_MS="300") for _ in range(PROCESSES)]
    for process in processes:
        process.says("ready")
    redis_queue.set("gate", 1, px=30_000)
    outputs = [process.finish() for process in processes]
    loads = sum(int(output.split("loads ")[1].split()[0]) for output in outputs)
    assert loads == 1, outputs
    assert all(f"names {THREADS} {{'Alice Singh'}}" in output for output in outputs)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_readers_of_a_hot_key_do_not_go_to_the_source_while_it_is_written(pattern, monkeypatch):
    users = cache_for(User)
    users.get(1)
    loads = []
    select = database.select
    monkeypatch.setattr(database, "select", lambda *arguments: loads.append(1) or select(*arguments))
    with interleaving() as actor:
        writer = actor(lambda: users.via(pattern).update(1, name="Al"))
        for step in ("stamp", "commit"):
            writer.step(step)
            threads = [threading.Thread(target=users.get, args=[1]) for _ in range(50)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not loads, f"after {step}"
        writer.finish()
    assert users.get(1).name == "Al"


@pytest.mark.usefixtures("people")
def test_a_reader_that_dies_with_the_lease_holds_the_others_up_no_longer_than_it_lasts(monkeypatch):
    users = cache_for(User)
    monkeypatch.setattr(users.table.slots, "lease_ms", 200)
    with interleaving() as actor:
        actor(lambda: users.get(1)).step("lease").kill()
        assert users.get(1).name == "Alice Singh"
    assert users.read(1).origin == "cache"


@pytest.mark.usefixtures("people")
def test_a_reader_that_fails_gives_its_lease_back(monkeypatch, redis_cache):
    users = cache_for(User)

    def fail(*arguments):
        raise RuntimeError("no row today")

    with monkeypatch.context() as patch:
        patch.setattr(database, "select", fail)
        with pytest.raises(RuntimeError):
            users.get(1)
    assert redis_cache.get("v2:user:1") is None
    assert users.read(1).origin == "source"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("step", ["loading.load_many", "Slots.fill"])
def test_ctrl_c_gives_the_leases_back(step, monkeypatch, redis_cache):
    users = cache_for(User)
    users.announce()
    past_cachedemo(User).bulk_create([User(pk=pk, name=f"P{pk}", email=f"p{pk}@x.org") for pk in (31, 32)])
    owner, name = (loading, "load_many") if step == "loading.load_many" else (Slots, "fill")
    plain, calls = getattr(owner, name), []

    def stopped(*args):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return plain(*args)

    monkeypatch.setattr(owner, name, stopped)
    for read in (lambda: users.get_many([31, 32]), lambda: users.get(31)):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            read()
        assert not redis_cache.exists("v2:user:31", "v2:user:32")
