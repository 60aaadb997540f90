"""What the reports have in common: their options, the time of each part, and the document that their tables are for."""

import argparse
import re
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

QUICKLY = " A quick run, so these are rough numbers."


def parser(name: str, about: str | None, parts: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser of a report's options.

    Args:
        name: what stands behind `python -m benchmarks`; nothing for the table of all budgets.
        about: the report, in words.
        parts: what may be asked for by name; all of them are, if none is.
    """
    made = argparse.ArgumentParser(prog=f"python -m benchmarks {name}".strip(), description=about)
    if parts:
        made.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(parts)}; all of them if none")
    made.add_argument("--quick", action="store_true", help="fewer rows and rounds: rough numbers")
    made.add_argument("--document", type=Path, metavar="FILE", help="put the tables there too, between their markers")
    return made


def parsed(made: argparse.ArgumentParser, parts: Collection[str], words: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; ends with a sentence where a part is none of these."""
    options = made.parse_args(words)
    if unknown := set(getattr(options, "names", ())) - set(parts):
        made.error(f"nothing here is called {', '.join(sorted(unknown))}")
    return options


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say on stderr how long a part has taken."""
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def publish(document: Path | None, name: str, text: str) -> None:
    """Print a table, and put it between its markers in a document: `<!-- table: name -->` and `<!-- end -->`.

    Where there are none it says so and goes on: what comes next may have taken an hour to measure.
    """
    print(text, end="\n\n", flush=True)
    if document is not None:
        begin = f"<!-- table: {name} -->\n"
        marked = re.compile(f"{re.escape(begin)}.*?<!-- end -->", re.DOTALL)
        replaced, times = marked.subn(lambda _: f"{begin}\n{text}\n\n<!-- end -->", document.read_text())
        if times == 1:
            document.write_text(replaced)
        else:
            place = f"<!-- table: {name} --> and <!-- end -->"
            print(f"{document} has no place for this table: {place}.", file=sys.stderr, flush=True)
