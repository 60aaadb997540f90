"""Tables and progress in the terminal: rich draws them where it is installed, and plain text does elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cachedemo import extras

PLAIN_INTERVAL = 1.0  # seconds between two lines

Update = Callable[[int, int | None], None]  # how many are done, and of how many; None if that is not known


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Return a table as text, `width` columns wide; None for what the terminal has."""
    if not extras.has("cli"):
        return _plain_table([heads, *rows])
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*heads)
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=width, markup=False, emoji=False)  # a value is shown as it is: [b] and :cat: too
    with console.capture() as text:
        console.print(drawn)
    return text.get()


def _plain_table(rows: Sequence[Sequence[str]]) -> str:
    lines = [[cell.replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _plain_progress(words: str) -> Update:
    said = time.monotonic()

    def update(done: int, total: int | None) -> None:
        nonlocal said
        if time.monotonic() >= said + PLAIN_INTERVAL:
            said = time.monotonic()
            sys.stderr.write(f"{words}: {done:,}{'' if total is None else f' of {total:,}'}\n")

    return update


@contextmanager
def progress(words: str, total: int | None) -> Iterator[Update]:
    """Show how far something is, on stderr, until it is over; without rich in a line each second, if it takes one."""
    if not extras.has("cli"):
        yield _plain_progress(words)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(words, total=total)
        yield lambda done, total: shown.update(task, completed=done, total=total)
