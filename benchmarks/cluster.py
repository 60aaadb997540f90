"""Warm reads of one row and of a hundred from a Redis Cluster of three primaries, against the same from one server.

Both sides are the same code in the same process, which switches from one to the other between two calls; the six
servers of the cluster and the one server run on this machine. `get_many` is one MGET on one server. In a cluster it is
a GET a key, to all three primaries at the same time; where they share a machine's cores with each other and with the
client, as here, they wait for each other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call
from tests.clusters import Cluster

CALLS = 20  # of each side in one round
MANY = range(1, 101)


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    with _as_it_was(), Cluster(bench.folder / "cluster") as cluster:
        one, many = _sides(bench, cluster)
        yield from _results(bench, one, many)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Let the next measurement have the servers of this one's beginning."""
    from django.conf import settings

    from cachedemo.servers import roles

    before = settings.CACHEDEMO
    try:
        yield
    finally:
        settings.CACHEDEMO = before
        roles.reset()


def _results(bench: Bench, one: dict[str, Any], cluster: dict[str, Any]) -> Iterator[Result]:
    users = bench.users
    for name, call, rounds, at_most in (
        ("users.read(1)", lambda: users.read(1), bench.times(1_500, 200), 1.15),
        ("users.get(1)", lambda: users.get(1), bench.times(1_500, 200), 1.15),
        ("users.get_many(100)", lambda: users.get_many(MANY), bench.times(800, 100), 2),
    ):
        calls = CALLS if at_most < 2 else CALLS // 10
        track = bench.track(f"{name} from a cluster", range(rounds))
        ours, bare = seconds_a_call(track, calls, _on(cluster, call), _on(one, call))
        yield Result(f"{name}, Redis Cluster", ours * 1e6, "one server", bare * 1e6, "µs", at_most=at_most)


def _on(state: dict[str, Any], call: Callable[[], object]) -> Callable[[], object]:
    from cachedemo.servers.roles import CACHE

    def switched() -> object:
        vars(CACHE).update(state)
        return call()

    return switched


def _sides(bench: Bench, cluster: Cluster) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the cache's role knows of each side, both with a hundred rows in them."""
    return _warm(bench, bench.cache.url(0)), _warm(bench, cluster.url)


def _warm(bench: Bench, url: str) -> dict[str, Any]:
    from django.conf import settings

    from cachedemo.servers import roles

    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    roles.reset()
    bench.users.get_many(MANY)
    assert {entry.origin for entry in bench.users.read_many(MANY).values()} == {"cache"}
    return dict(vars(roles.CACHE))
