"""The rows that everything is measured on."""

from collections.abc import Iterator
from typing import Any

ROWS = 10_000
CHUNK = 10_000  # rows of one transaction

FIRST_NAMES = ["Al", "Bea", "Carol", "Dmitri", "Eleanor", "Ferdinand", "Anne-Marie", "Maximilian"]
LAST_NAMES = ["Ng", "Lee", "Singh", "Pereira", "Castellanos", "Featherstone", "Lindqvist-Okafor"]


def people(user: Any, first: int = 4, last: int = ROWS) -> Iterator[Any]:
    """Yield instances of many lengths, because servers hand memory out in steps; ids 1 to 3 are there already."""
    for pk, name, email in texts(first, last):
        yield user(id=pk, name=name, email=email)


def texts(first: int, last: int) -> Iterator[tuple[int, str, str]]:
    """Yield key, name and address of each."""
    for pk in range(first, last + 1):
        name = f"{FIRST_NAMES[pk % len(FIRST_NAMES)]} {LAST_NAMES[pk // len(FIRST_NAMES) % len(LAST_NAMES)]}"
        yield pk, name, f"{name}{pk}@example.com".lower().replace(" ", ".")


def insert(model: Any, first: int, last: int) -> None:
    """Put rows into the table of such a model, past whatever anybody has put on the ORM: so a million takes seconds."""
    from django.db import connection, transaction

    named = ["id", "name", "email"]
    others = [field.column for field in model._meta.concrete_fields if field.column not in named]  # numbers
    values = ", ".join(["%s"] * len(named) + ["0"] * len(others))
    statement = f"INSERT INTO {model._meta.db_table} ({', '.join(named + others)}) VALUES ({values})"
    with connection.cursor() as cursor:
        for start in range(first, last + 1, CHUNK):
            with transaction.atomic():
                cursor.executemany(statement, list(texts(start, min(start + CHUNK - 1, last))))
