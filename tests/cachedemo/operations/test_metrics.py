"""Metrics: one of each kind moves when what it counts happens, in any process, as Prometheus's own parser reads it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from prometheus_client.parser import text_string_to_metric_families

from cachedemo import cache_for
from cachedemo.exceptions import SourceUnavailable
from cachedemo.operations import audit, metrics
from cachedemo.operations.metrics import exposition
from cachedemo.protocol import database, leases, slot_format, stats
from cachedemo.servers.roles import CACHE
from tests import near_notes
from tests.helpers import counted_from_zero, past_cachedemo, until
from tests.near_notes import copied
from tests.notes.models import Note
from tests.processes import Process
from users.models import User

pytestmark = pytest.mark.usefixtures("people")

Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(autouse=True)
def from_zero(redis_queue: redis.Redis) -> None:
    counted_from_zero(redis_queue)


def scraped() -> dict[Sample, float]:
    """Return what Prometheus would have: name and labels -> value."""
    stats.send()
    families = text_string_to_metric_families(exposition().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return f"cachedemo_{name}", frozenset(labels.items())


def hit(users: Any, monkeypatch: Any) -> None:
    users.read(1), users.read(1)


def hit_with_ttl(users: Any, monkeypatch: Any) -> None:
    users.read(1), users.read(1, with_ttl=True)


def hit_in_a_loop(users: Any, monkeypatch: Any) -> None:
    users.read(1)
    asyncio.run(users.aread(1))


def save(users: Any, monkeypatch: Any) -> None:
    user = User.objects.get(pk=1)
    user.name = "Al"
    user.save()


def miss_with_what_waits(users: Any, monkeypatch: Any) -> None:
    users.via("write-behind").update(1, name="Al")
    users.evict([1])
    users.read(1)


def wait_for_a_lease(users: Any, monkeypatch: Any) -> None:
    lease = slot_format.new_lease()
    users.announce()
    users.table.slots.take_lease(1, lease)

    def read() -> None:
        users.read(1)
        connection.close()  # this thread's own

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: stats._totals().get("waits/user"))
    users.evict([1])
    reader.join()


def be_overtaken_by_a_write(users: Any, monkeypatch: Any) -> None:
    load = leases.loading.load

    def slow(table: Any, pk: Any) -> Any:
        loaded = load(table, pk)
        users.update(1, name="faster")
        return loaded

    with monkeypatch.context() as patched:
        patched.setattr(leases.loading, "load", slow)
        users.read(1)


def flush_after_another_try(users: Any, monkeypatch: Any) -> None:
    write, tries = database.apply_many, []

    def busy(*arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) == 1:
            raise SourceUnavailable("busy") from OperationalError("busy")
        return write(*arguments)

    users.via("write-behind").update(1, name="Al")
    with monkeypatch.context() as patched:
        patched.setattr(database, "apply_many", busy)
        users.flush()


def supersede(users: Any, monkeypatch: Any) -> None:
    users.via("write-behind").update(1, name="Al")
    users.update(1, name="Ali")


def overflow(users: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(users.table.options, "max_pending", 1)
    users.via("write-behind").update(2, name="Bo")
    users.via("write-behind").update(1, name="Al")


def be_refused(users: Any, monkeypatch: Any) -> None:
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.flush()


def drift(users: Any, monkeypatch: Any) -> None:
    users.read(1)
    past_cachedemo(User).filter(pk=1).update(name="by hand")
    audit.audit(users)


def claim(users: Any, monkeypatch: Any) -> None:
    users.via("write-behind").update(1, name="Al")
    users.table.queue.claim(10, 30, 3)


def owe(users: Any, monkeypatch: Any) -> None:
    users.table.queue.owe([1])


def stop(users: Any, monkeypatch: Any) -> None:
    users.table.queue.stop("no such column")


def switch_off(users: Any, monkeypatch: Any) -> None:
    users.table.queue.close(b'{"run": "1", "since": 0, "by": "me", "state": "closing"}')


def lose_the_cache(users: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(CACHE.breaker, "_watch", lambda: None)
    for _ in range(3):
        CACHE.breaker.note(redis.ConnectionError("gone"))


def copy_and_hear(users: Any, monkeypatch: Any) -> None:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0") for pk in (1, 2)])
    with near_notes.registered() as near:
        copied(near, 1, 2)
        near.get(1)
        CACHE.command("SET", near.table.slots.key(2), "changed by another process", "EX", 60)
        until(lambda: {"near", "near_changes", "near_delay_seconds/all/sum_us"} <= counted_already())


def counted_already() -> set[str]:
    return {name for name, number in stats._totals().items() if number}


def write(pattern: str) -> Callable[..., None]:
    return lambda users, monkeypatch: users.via(pattern).update(1, name="Al")


USERS, QUEUE = {"model": "user"}, {"queue": "flush:users"}
MOVES: dict[str, tuple[Sample, Callable[..., None]]] = {
    "a hit": (sample("reads_total", **USERS, origin="cache"), hit),
    "a miss": (sample("reads_total", **USERS, origin="source"), hit),
    "a miss with what waits": (sample("reads_total", **USERS, origin="pending"), miss_with_what_waits),
    "how long a load takes": (sample("load_seconds_count"), hit),
    "how long a hit takes": (sample("hit_seconds_count"), hit),
    "how long a hit takes whose time to live is asked for": (sample("hit_seconds_count"), hit_with_ttl),
    "how long a hit takes in a loop": (sample("hit_seconds_count"), hit_in_a_loop),
    "how long save() takes": (sample("write_seconds_count", pattern="save"), save),
    "how long delete takes": (sample("write_seconds_count", pattern="delete"), lambda users, _: users.delete(1)),
    "a wait": (sample("read_waits_total", **USERS), wait_for_a_lease),
    "a rejected fill": (sample("rejected_fills_total", **USERS), be_overtaken_by_a_write),
    "pending": (sample("pending_rows", **QUEUE), claim),
    "oldest": (sample("oldest_pending_seconds", **QUEUE), claim),
    "in flight": (sample("in_flight_rows", **QUEUE), claim),
    "flushed": (sample("flushed_rows_total", **USERS), flush_after_another_try),
    "batches": (sample("flush_batches_total", **USERS), flush_after_another_try),
    "retries": (sample("flush_retries_total", **USERS), flush_after_another_try),
    "superseded": (sample("superseded_fields_total", **USERS), supersede),
    "overflow": (sample("not_queued_writes_total", **USERS, reason="full"), overflow),
    "dead": (sample("dead_letters", **QUEUE), be_refused),
    "died": (sample("dead_lettered_rows_total", **USERS), be_refused),
    "owed": (sample("owed_slots", **QUEUE), owe),
    "overdue": (sample("owed_overdue_seconds", **QUEUE), owe),
    "stopped": (sample("flushing_stopped", **QUEUE), stop),
    "switched off": (sample("switched_off", **QUEUE), switch_off),
    "breaker": (sample("breaker_open", role="cache"), lose_the_cache),
    "breaker of all processes": (sample("breaker_openings_total", role="cache"), lose_the_cache),
    "a copy": (sample("near_reads_total"), copy_and_hear),
    "a change that is heard of": (sample("near_changes_total"), copy_and_hear),
    "how late": (sample("near_delay_seconds_count"), copy_and_hear),
    "drift": (sample("drifts_total", **USERS), drift),
    "audited": (sample("audited_slots_total", **USERS), drift),
} | {
    f"how long {pattern} takes": (sample("write_seconds_count", pattern=pattern), write(pattern))
    for pattern in ("cache-aside", "write-through", "write-behind")
}


@pytest.mark.parametrize("kind", MOVES)
def test_a_metric_of_each_kind_moves(users: Any, monkeypatch: Any, kind: str) -> None:
    moves, happen = MOVES[kind]
    users.announce()
    before = scraped().get(moves, 0)
    happen(users, monkeypatch)
    assert scraped()[moves] > before


def test_all_metrics_are_among_these(users: Any) -> None:
    moved = {name.removesuffix("_total").removesuffix("_count") for (name, _), _ in MOVES.values()}
    there = {family.name for family in text_string_to_metric_families(exposition().decode())}
    near = {"cachedemo_near_copies", "cachedemo_near_processes"}  # test_near.py has it
    assert there - moved == {"cachedemo_server_up", "cachedemo_max_pending_rows"} | near


def test_a_histogram_is_cumulative_and_its_sum_is_in_seconds(users: Any) -> None:
    for seconds in (0.0004, 0.003, 0.003, 20):
        metrics.model_stats.LOADS.took(seconds)
    found = {dict(labels)["le"]: value for (name, labels), value in scraped().items() if name.endswith("_bucket")}
    assert [found[le] for le in ("0.0005", "0.001", "0.0025", "0.005", "10.0", "+Inf")] == [1, 1, 1, 3, 3, 4]
    assert scraped()[sample("load_seconds_sum")] == pytest.approx(20.0064)


def test_a_scrape_of_one_process_has_the_numbers_of_all_and_of_their_forks(
    users: Any, run_code: Callable[..., Process]
) -> None:
    users.read(1)
    code = (
        "import os\n"
        "from cachedemo import cache_for\n"
        "from users.models import User\n"
        "from cachedemo.protocol import stats\n"
        "cache_for(User).read(1)\n"
        "if os.fork() == 0:\n"
        "    cache_for(User).read(1)\n"
        "    stats.send()\n"
        "    os._exit(0)\n"
        "os.wait()"
    )
    for process in [run_code(code) for _ in range(2)]:
        process.finish()
    assert scraped()[sample("reads_total", **USERS, origin="cache")] == 4


def test_a_metric_that_is_new_to_a_thread_counts(users: Any) -> None:
    stats.count(stats.HITS)
    new = stats.metric("not_queued/user/for a reason")
    stats.count(new, 2)
    assert scraped()[sample("not_queued_writes_total", **USERS, reason="for a reason")] == 2


def test_a_database_of_its_own_has_a_label_of_its_own() -> None:
    assert cache_for(User, using="default").table.counts.name == "user"
