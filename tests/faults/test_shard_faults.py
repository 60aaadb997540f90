"""The number of shards changes: killed before each of its steps, under a mixed load, and with 10,000 writes waiting."""

import random
from pathlib import Path
from typing import Any

import pytest

from cachedemo import cache_for
from cachedemo.operations import shard_change
from tests.faults.matrix import each_step
from tests.faults.nursery import Nursery
from tests.faults.run import Load, refused_for_good_reasons
from tests.helpers import past_cachedemo
from tests.notes.models import Note

MANY = 10_000


@pytest.mark.parametrize("then", [1, 2])
def test_killed_before_any_step_it_goes_on_or_is_taken_back(then: int, matrix: Any) -> None:
    for step in each_step(matrix, "resharder", matrix.prepare):
        shard_change.change(matrix.notes, then)
        assert len(matrix.notes.table.queue.parts()) == then
        assert matrix.seen() == ("a0", "b1"), f"killed before step {step}"
        matrix.notes.via("write-behind").update(1, title="a1")
        matrix.come_to_rest()
        assert matrix.stored() == ("a1", "b1"), f"killed before step {step}"
        matrix.assert_agreed()


@pytest.mark.parametrize("seed", [1, 2])
def test_under_load_it_loses_nothing_and_shows_nothing_old(
    seed: int, nursery: Nursery, transactional_db: None, tmp_path: Path
) -> None:
    chosen, load = random.Random(seed), Load(nursery, tmp_path, seed=seed)
    load.begin(clients=3)
    for number in (4, 2, 3, 1):
        load.go_on(60)
        killed = load.begin_to_reshard(number)
        load.go_on(chosen.randint(1, 8))
        killed.kill()
        killed.wait()
        load.reshard(number)
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert refused_for_good_reasons(report), report.errors
    assert report.dead_letters == 0


@pytest.mark.timeout(300)  # 11,000 writes, on a busy machine
def test_with_many_writes_waiting_none_is_lost_or_put_in_another_order(
    nursery: Nursery, transactional_db: None, tmp_path: Path
) -> None:
    notes, load = cache_for(Note), Load(nursery, tmp_path)
    first = 1_000
    load.begin(clients=2, flushers=0, job="writer")  # they delete nothing
    past_cachedemo(Note).bulk_create(Note(pk=first + pk, title="a0", body="b0") for pk in range(MANY))
    for number, many in ((4, MANY), (2, MANY // 10)):
        for pk in range(first, first + many):
            notes.table.queue.enqueue(pk, 0, 2 * MANY, {"title": f"before {number}"})
        assert notes.table.queue.depth() >= many
        load.begin_to_reshard(number).result(120)
        for pk in range(first, first + 100):
            notes.table.queue.enqueue(pk, 0, 2 * MANY, {"title": f"after {number}"})
    report = load.end()
    assert not report.violations, str(report)
    titles = dict(Note.objects.filter(pk__gte=first).values_list("pk", "title"))
    assert [titles[first + pk] for pk in range(MANY)] == ["after 2"] * 100 + ["before 2"] * 900 + ["before 4"] * (
        MANY - 1000
    )
