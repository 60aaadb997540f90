"""The rows that everything is measured on."""

from collections.abc import Iterator
from typing import Any

ROWS = 10_000

FIRST_NAMES = ["Al", "Bea", "Carol", "Dmitri", "Eleanor", "Ferdinand", "Anne-Marie", "Maximilian"]
LAST_NAMES = ["Ng", "Lee", "Singh", "Pereira", "Castellanos", "Featherstone", "Lindqvist-Okafor"]


def people(user: Any) -> Iterator[Any]:
    """Yield instances of many lengths, because servers hand memory out in steps; ids 1 to 3 are there already."""
    for pk in range(4, ROWS + 1):
        first, last = FIRST_NAMES[pk % len(FIRST_NAMES)], LAST_NAMES[pk // len(FIRST_NAMES) % len(LAST_NAMES)]
        yield user(id=pk, name=f"{first} {last}", email=f"{first}.{last}{pk}@example.com".lower())
