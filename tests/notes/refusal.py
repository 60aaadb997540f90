"""Databases that refuse a write, each in a way of its own; `sql` runs a statement past everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

ON_UPDATE = "CREATE TRIGGER refuse BEFORE UPDATE ON notes_note"
SQLITE = f"{ON_UPDATE} WHEN NEW.title = 'refused' BEGIN SELECT RAISE(ABORT, 'no such title'); END"
POSTGRESQL = f"""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = 'no such title', ERRCODE = 'integrity_constraint_violation'; END $$;
    {ON_UPDATE} FOR EACH ROW WHEN (NEW.title = 'refused') EXECUTE FUNCTION refuse()"""

MYSQL = f"""
    {ON_UPDATE} FOR EACH ROW BEGIN
    IF NEW.title = 'refused' THEN
        SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 4025, MESSAGE_TEXT = 'no such title';
    END IF;
    END"""
REFUSALS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mysql": MYSQL}


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def refuse_a_title() -> None:
    """Refuse the title 'refused', as a constraint that no form knows of; at an update only."""
    sql(REFUSALS[connection.vendor])


def allow_every_title() -> None:
    is_function = connection.vendor == "postgresql"
    sql("DROP FUNCTION IF EXISTS refuse CASCADE" if is_function else "DROP TRIGGER IF EXISTS refuse")


@contextmanager
def trigger(
    body: str, when: str = "NEW.title = 'refused'", timing: str = "", table: str = "notes_note"
) -> Iterator[None]:
    """A PostgreSQL trigger on every update of a note.

    Args:
        body: PL/pgSQL statements.
        timing: for one that is only asked at COMMIT, DEFERRED.
    """
    kind = "CONSTRAINT TRIGGER refuse AFTER" if timing else "TRIGGER refuse BEFORE"
    deferred = "DEFERRABLE INITIALLY DEFERRED" if timing else ""
    sql(
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$",
        f"CREATE {kind} UPDATE ON {table} {deferred} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()",
    )
    try:
        yield
    finally:
        sql("DROP FUNCTION refuse CASCADE")


@contextmanager
def renamed_column() -> Iterator[Any]:
    """A column of the notes is gone, until the function that this gives is called, or to the end."""
    gone = [True]

    def rename_back() -> None:
        if gone.pop():
            sql("ALTER TABLE notes_note RENAME COLUMN heading TO title")
        gone.append(False)

    sql("ALTER TABLE notes_note RENAME COLUMN title TO heading")
    try:
        yield rename_back
    finally:
        rename_back()


@contextmanager
def as_role(*grants: str) -> Iterator[None]:
    """This connection's statements are those of a role with these rights on the notes (PostgreSQL)."""
    sql("CREATE ROLE app", "GRANT USAGE ON SCHEMA public TO app")
    sql(*(f"GRANT {grant} ON notes_note TO app" for grant in grants), "SET ROLE app")
    try:
        yield
    finally:
        sql("RESET ROLE", "DROP OWNED BY app", "DROP ROLE app")
