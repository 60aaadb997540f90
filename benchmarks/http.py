"""A warm GET over HTTP; what is compared with what is said in `http_get`, which can be run alone too."""

from collections.abc import Iterator

from benchmarks import http_get
from benchmarks.bench import Bench
from benchmarks.results import Result


def measure(bench: Bench) -> Iterator[Result]:
    seconds = bench.times(10, 3)
    with http_get.servers(bench.folder / "http") as environment, http_get.web(environment) as port:
        [rates] = [http_get.measure(port, seconds) for _ in bench.track("HTTP GET", [seconds])]
    ours, bare = (max(rates[path]) for path in (http_get.OURS, http_get.BARE))  # the best round, as everywhere
    yield Result("HTTP GET, warm", ours, "view with a bare GET", bare, "requests/s", at_least=http_get.BUDGET)
