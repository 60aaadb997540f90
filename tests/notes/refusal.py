"""A database that refuses the title 'refused', as a constraint that no form knows of; at an update only."""

from django.db import connection

ON_UPDATE = "CREATE TRIGGER refuse BEFORE UPDATE ON notes_note"
SQLITE = f"{ON_UPDATE} WHEN NEW.title = 'refused' BEGIN SELECT RAISE(ABORT, 'no such title'); END"
POSTGRESQL = f"""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = 'no such title', ERRCODE = 'integrity_constraint_violation'; END $$;
    {ON_UPDATE} FOR EACH ROW WHEN (NEW.title = 'refused') EXECUTE FUNCTION refuse()"""


def refuse_a_title() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SQLITE if connection.vendor == "sqlite" else POSTGRESQL)


def allow_every_title() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS refuse")
        else:
            cursor.execute("DROP FUNCTION IF EXISTS refuse CASCADE")
