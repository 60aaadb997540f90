"""A table in Markdown."""

from collections.abc import Iterable, Iterator, Sequence


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield its lines; all columns but the first are numbers, and stand to the right."""
    yield "| " + " | ".join(titles) + " |"
    yield "|---" + "|---:" * (len(titles) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
