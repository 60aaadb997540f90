"""`python -m benchmarks peers`: the same work by each peer in turns, as tables in Markdown."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.markdown import markdown
from benchmarks.peers import works
from benchmarks.peers.adapters import PEERS
from benchmarks.peers.http import SERVERS, requests_a_second
from benchmarks.peers.side import ARTICLE, HERE, Side
from benchmarks.peers.works import WORKS, Figures, Sides, Work
from benchmarks.reports import QUICKLY, parsed, parser, publish, timed
from cachedemo.embedded.pair import EmbeddedPair
from cachedemo.embedded.server import EmbeddedServer

OURS = "cachedemo, cache-aside"  # the default, which the others are compared with
LOCK = "the same, lock"  # is for the readers of one cold row only
NEAR = "cachedemo, near"
PACKAGES = ("django", "redis", "valkey", "django-redis", "django-cachex", "django-cacheops", "django-cachalot")
BUDGETS = {"cachedemo, cache-aside": 1.4, "cachedemo, write-through": 0.9, "cachedemo, write-behind": 0.4}
QUICK = 10  # how many times faster

HTTP = {server: Work(f"HTTP, {server}", "requests/s", 35, requests_a_second(server)) for server in SERVERS}
MEASURES = WORKS | HTTP
TABLES = {
    "peers-times": ("warm", "bulk", "cold", "slow", "update"),
    "peers-others": ("stampede", "memory", *HTTP),
    "peers-ycsb": tuple(name for name in WORKS if name.startswith("ycsb")),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(parser("peers", __doc__, MEASURES), MEASURES, arguments)
    works.ROWS["rows"] = 10_000 if options.quick else 100_000
    figures: dict[str, Figures] = {}
    with peers() as sides:
        for name in options.names or MEASURES:
            with timed(MEASURES[name].title):
                seconds = MEASURES[name].seconds / (QUICK if options.quick else 1)
                figures[name] = MEASURES[name].measure(sides, seconds)
    for table_name, names in TABLES.items():
        if asked := {name: figures[name] for name in names if name in figures}:
            publish(options.document, table_name, "\n".join(table(sides, asked)))
    publish(
        options.document, "peers-machine", "\n".join([*budgets(figures), about() + (QUICKLY if options.quick else "")])
    )
    return 0


@contextmanager
def peers() -> Iterator[Sides]:
    """Start the servers, and every peer on them with its table; end with them all ended."""
    with tempfile.TemporaryDirectory(prefix="cachedemo-peers-") as folder, ExitStack() as stack:
        servers = EmbeddedPair(Path(folder))
        servers.cache = EmbeddedServer(Path(folder) / "cache", maxmemory="2gb", databases="20")
        servers.queue = EmbeddedServer(Path(folder) / "queue", role="queue", databases="20")
        stack.enter_context(servers)
        names = [*PEERS, *([ARTICLE] if has_node() else [])]
        sides = [stack.enter_context(Side(name, number, servers, Path(folder))) for number, name in enumerate(names)]
        for side in sides:
            side.do("table", works.ROWS["rows"])
            if not side.do("shows", 2, "Beatrice"):
                raise SystemExit(f"{side.name} does not show what it has written.")
        yield sides


def has_node() -> bool:
    """Say whether the article's code can run, once npm has installed what it needs."""
    if not shutil.which("node") or not shutil.which("npm"):
        print("There is no node on PATH: the article's own code is left out.", file=sys.stderr)
        return False
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    return True


def table(sides: Sides, figures: dict[str, Figures]) -> Iterator[str]:
    """Yield the lines of a table in Markdown; what is ahead of cachedemo's default is bold."""
    titles = ["", *(f"{MEASURES[name].title}, {MEASURES[name].unit}" for name in figures)]
    rows = (
        [side.name, *(_cell(name, measured[side.name], measured[OURS]) for name, measured in figures.items())]
        for side in sides
    )
    yield from markdown(titles, rows)


def _cell(name: str, figure: float | None, ours: float | None) -> str:
    if figure is None:
        return "–"
    more_is_better = MEASURES[name].unit.endswith("/s")
    ahead = ours is not None and (figure > ours if more_is_better else figure < ours)
    text = _shown(figure)
    return f"**{text}**" if ahead and text != _shown(ours) else text  # type: ignore[arg-type]


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.1f}"


def budgets(figures: dict[str, Figures]) -> Iterator[str]:
    if measured := figures.get("update"):
        by_hand = measured["Django's RedisCache"]
        for name, budget in BUDGETS.items():
            ratio = measured[name] / by_hand  # type: ignore[operator]
            verdict = "met" if ratio <= budget else "**missed**"
            yield f"- {name}, update and read: {ratio:.2f} of Django's RedisCache, at most {budget}: {verdict}"
        yield ""


def about() -> str:
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    return f"Python {platform.python_version()}, {packages}, {machine}."


if __name__ == "__main__":
    sys.exit(main())
