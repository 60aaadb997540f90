"""Whatever happens to the cache server costs misses and time, and nothing else: a mixed load, its history checked."""

import pytest

from tests.faults import injectors
from tests.faults.run import Load, refused_for_good_reasons


def kill_again_and_again(server, wait):
    """Each time others may find out before a writer does that the server is back, and fill it."""
    for _ in range(20):
        injectors.kill(server, wait)
        wait()


FAULTS = {
    "killed and started empty": kill_again_and_again,
    "FLUSHDB in a loop": injectors.flush_database,
    "SCRIPT FLUSH in a loop": injectors.forget_scripts,
    "an eviction storm": injectors.evict,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cache_server_in_trouble_costs_misses_and_time_only(fault, nursery, transactional_db, tmp_path, cache_server):
    load = Load(nursery, tmp_path)
    load.begin()
    load.go_on(100)
    FAULTS[fault](cache_server, lambda: load.go_on(60))
    load.go_on(100)
    report = load.end()
    assert not report.violations, str(report)
    assert refused_for_good_reasons(report), report.errors
    assert report.dead_letters == 0


def test_a_paused_cache_server_costs_time_and_nothing_is_stale_once_what_is_owed_is_worked_off(
    nursery, transactional_db, tmp_path, cache_server
):
    """Writers cannot empty the slots of a cache that sleeps; that is the limit of what is promised."""
    load = Load(nursery, tmp_path)
    load.begin()
    load.go_on(100)
    with load.cache_out_of_reach():
        injectors.pause(cache_server, lambda: load.go_on(60))
    load.go_on(200)
    report = load.end()
    assert not report.violations, str(report)
    assert refused_for_good_reasons(report), report.errors
