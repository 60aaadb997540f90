"""The words that explain themselves where they stand on a page."""

from typing import NamedTuple


class Term(NamedTuple):
    """One word, and what it means."""

    word: str
    meaning: str

    @property
    def anchor(self) -> str:
        return f"term-{self.word.replace(' ', '-')}"


TERMS = {
    term.word: term
    for term in (
        Term(
            "slot",
            "The cache entry of one row. It holds a copy of the row, or “missing” (there is no such row), a lease, or "
            "a mark.",
        ),
        Term(
            "lease",
            "What a reader puts into an empty cache entry before it loads the row: only this reader may fill the slot, "
            "as the entry of one row is called, and only while its lease is still there. A writer takes it away, "
            "so that an old copy is never put back.",
        ),
        Term(
            "mark",
            "What a writer puts into the slot, the cache entry of the row, while it writes the database: readers still "
            "get the old copy, and nobody else may fill the slot. A writer replaces its own mark and no other.",
        ),
        Term(
            "stamp",
            "A number that the queue hands out for each write, higher than any before it: the time in microseconds. "
            "Of two values, the one with the higher stamp is the newer.",
        ),
        Term(
            "flush",
            "What a worker does about once a second: it takes a batch of waiting writes from the queue and commits "
            "them to the database.",
        ),
        Term(
            "owed",
            "Noted in the queue: this slot must still be emptied, because a writer is under way or could not reach the "
            "cache. A flush sees to it.",
        ),
        Term(
            "dead letter",
            "A write that was acknowledged and that the database refuses. It stays in the queue, reads still return "
            "it, and an operator retries it or gives it up.",
        ),
    )
}
