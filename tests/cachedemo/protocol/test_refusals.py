"""What the database refuses is of a row or of a statement: it stops no other row, and shows no value in a log."""

import logging
import secrets
import sqlite3
from typing import Any

import psycopg
import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)

from cachedemo import cache_for, tasks
from cachedemo.exceptions import SourceUnavailable, StatementRefused
from cachedemo.operations import dead_letters, ping
from cachedemo.protocol import answering, database, database_errors, database_retries, parked_rows, synchronous
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.error_descriptions import LONGEST, describe, one_line
from cachedemo.servers.roles import QUEUE
from tests.helpers import as_hash, past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, as_role, refuse_a_title, renamed_column, sql, trigger

VALUE = "hunter2\n2026-01-01 ERROR forged"


# What an error means


def raised(kind: type[Exception], cause: Exception | None = None) -> Exception:
    """Return a Django error as it comes from a driver."""
    error = kind("in words that nobody looks at")
    error.__cause__ = cause
    return error


def postgresql(sqlstate: str | None, text: str = "") -> Exception:
    cause = psycopg.Error(text)
    cause.sqlstate = sqlstate
    return raised(DatabaseError, cause)


def sqlite(code: int) -> Exception:
    cause = sqlite3.DatabaseError("")
    cause.sqlite_errorcode = code  # type: ignore[attr-defined]
    return raised(DatabaseError, cause)


def mysql(number: int, kind: type[Exception] = OperationalError) -> Exception:
    return raised(kind, Exception(number, "in words"))


def pymysql(number: int, sqlstate: str) -> Exception:
    """As PyMySQL raises it: it has a SQLSTATE too, which says less than the number."""
    error = mysql(number)
    error.__cause__.sqlstate = sqlstate  # type: ignore[union-attr]
    return error


VERDICTS = {
    Verdict.ROW: [
        *map(postgresql, ("22001", "23505", "23514", "44000", "P0001", "54000", "40002")),
        *map(sqlite, (sqlite3.SQLITE_CONSTRAINT_TRIGGER, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)),
        *map(mysql, (1644, 3819)),
        pymysql(1644, "45000"),
        mysql(1366, DataError),
        raised(IntegrityError),
        ValueError(),
        OverflowError(),
    ],
    Verdict.AGAIN: [
        *map(postgresql, ("08006", "25006", "26000", "28P01", "3D000", "53300", "57P01", "58030")),
        postgresql("0A000", "cached plan must not change result type"),
        *map(
            sqlite, (sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL)
        ),
        *map(mysql, (2006, 2013, 1040, 1041, 1047, 1053, 1129, 1206, 1927, 4031)),
        mysql(0, InterfaceError),  # of a connection that has ended before
        mysql(2014, ProgrammingError),  # commands out of sync
        mysql(2027, InternalError),  # a malformed packet
        raised(InternalError, Exception("Packet sequence number wrong - got 3 expected 1")),
        raised(OperationalError, psycopg.OperationalError("the connection is closed")),
        raised(InterfaceError),
    ],
    Verdict.ONE_ROW_MAYBE: [
        *map(postgresql, ("55P03", "57014", "53200", "40P01")),
        *map(mysql, (1205, 1213, 1969, 3024)),
        pymysql(1205, "HY000"),
    ],
    Verdict.OVERTAKEN: [postgresql("40001"), mysql(1020)],
    Verdict.UNKNOWN: [postgresql("40003"), postgresql("08007")],
    Verdict.STATEMENT_OR_ROW: [
        *map(postgresql, ("42P01", "42703", "42501", "54001", "54023", "55000", "XX000", "0A000")),
        sqlite(sqlite3.SQLITE_ERROR),
        mysql(1054),
        mysql(2020),  # the driver sends nothing that is as large as this row
        pymysql(1054, "42S22"),
        raised(ProgrammingError),
        raised(OperationalError, psycopg.errors.PipelineAborted()),
    ],
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_code_means_the_row_or_the_statement_or_nobody(verdict: Verdict) -> None:
    assert {database_errors.judge(error) for error in VERDICTS[verdict]} == {verdict}


def test_a_description_is_one_line_of_names_and_codes() -> None:
    assert describe(ValueError(VALUE)) == "ValueError"
    assert describe(raised(IntegrityError, Exception(1062, f"Duplicate entry '{VALUE}' for key 'user.email'"))) == (
        "IntegrityError: 1062 (user.email)"
    )
    assert describe(SourceUnavailable(VALUE)) == "hunter2 2026-01-01 ERROR forged"
    assert len(one_line("x" * 10_000)) == LONGEST


# The flush


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_retries, "FIRST_BACKOFF", 0.001)


@pytest.fixture
def notes(transactional_db: None) -> Any:
    """Twenty notes."""
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old") for pk in range(1, 21)])
    return cache_for(Note)


@pytest.fixture
def on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only: pytest --postgresql")


@pytest.fixture
def on_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")


def wait_behind(notes: Any, **bad: Any) -> None:
    """Let a new title wait for each note, and something else for number 7."""
    for pk in range(1, 21):
        notes.table.queue.enqueue(pk, 0, 1000, bad if pk == 7 and bad else {"title": "new"})


def landed() -> int:
    return Note.objects.filter(title="new").count()


def only_letter(notes: Any) -> str:
    """Return the error of the one dead letter."""
    [(pk, letter)] = notes.table.queue.dead().items()
    assert pk == "7"
    return str(letter["error"])


def test_a_value_that_an_index_cannot_hold_stops_no_neighbour(notes: Any, on_postgresql: None) -> None:
    sql("ALTER TABLE notes_note ALTER body TYPE text", "CREATE INDEX big ON notes_note (body)")
    try:
        wait_behind(notes, body=secrets.token_hex(6000))
        assert notes.drain(timeout=10) == 20
        assert landed() == 19
        assert only_letter(notes) == "OperationalError: 54000 program_limit_exceeded"
    finally:
        sql("DROP INDEX big", "ALTER TABLE notes_note ALTER body TYPE varchar(1000)")


def test_a_trigger_that_refuses_a_row_stops_no_neighbour(notes: Any) -> None:
    refuse_a_title()
    try:
        wait_behind(notes, title="refused")
        notes.drain(timeout=10)
        assert landed() == 19
        assert only_letter(notes).startswith("IntegrityError: ")
    finally:
        allow_every_title()


@pytest.mark.parametrize("timing", ["", "DEFERRED"])
def test_a_trigger_with_a_plain_raise_stops_no_neighbour(notes: Any, on_postgresql: None, timing: str) -> None:
    with trigger("RAISE EXCEPTION 'not %', NEW.title;", timing=timing):
        wait_behind(notes, title="refused")
        notes.drain(timeout=10)
        assert landed() == 19
        assert only_letter(notes).endswith(": P0001 raise_exception")


def test_a_row_that_a_policy_refuses_stops_no_neighbour(notes: Any, on_postgresql: None) -> None:
    sql(
        "ALTER TABLE notes_note ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_but_one ON notes_note USING (true) WITH CHECK (title <> 'refused')",
    )
    try:
        with as_role("SELECT", "UPDATE"):
            wait_behind(notes, title="refused")
            notes.drain(timeout=10)
        assert landed() == 19
        assert only_letter(notes) == "ProgrammingError: 42501 insufficient_privilege"
    finally:
        sql("DROP POLICY all_but_one ON notes_note", "ALTER TABLE notes_note DISABLE ROW LEVEL SECURITY")


def test_a_value_that_cannot_be_prepared_stops_no_neighbour(notes: Any) -> None:
    wait_behind(notes, size="no number")
    notes.drain(timeout=10)
    assert landed() == 19
    assert only_letter(notes) == "ValueError"


def test_a_field_that_fails_in_a_way_of_its_own_stops_no_neighbour(notes: Any, monkeypatch: Any) -> None:
    def fail(value: Any, connection: Any, prepared: bool = False) -> Any:
        if value == "refused":
            raise AttributeError(VALUE)
        return value

    monkeypatch.setattr(Note._meta.get_field("title"), "get_db_prep_value", fail)
    monkeypatch.setattr(notes.table.codec, "plain_texts", frozenset())  # as of a class of the project's own
    wait_behind(notes, title="refused")
    notes.drain(timeout=10)
    assert landed() == 19
    assert only_letter(notes) == "ValueError"


def test_where_a_column_is_gone_flushing_stops_and_goes_on_by_itself(notes: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(notes.table.options, "batch_size", 10)
    wait_behind(notes)
    with renamed_column() as rename_back:
        with pytest.raises(StatementRefused):
            notes.flush()
        assert notes.table.queue.dead() == {}
        assert QUEUE.command("ZCARD", "{flush:notes}:claimed") == 0
        assert QUEUE.command("LRANGE", "flush:notes", 0, -1)[0] == b"1", "they wait in their order"
        assert "notes_note (title, body, size, cache_stamp)" in notes.table.queue.stopped().error
        rename_back()
    assert notes.flush() == 10
    assert notes.table.queue.stopped() is None, "although the others still wait"
    assert notes.drain(timeout=10) == 10
    assert landed() == 20


def test_that_flushing_has_stopped_is_said_once_in_the_log_and_again_when_it_goes_on(
    notes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    wait_behind(notes)
    with renamed_column() as rename_back:
        for _ in range(3):
            tasks.flush("flush:notes")
        assert caplog.text.count("Flushing flush:notes has stopped") == 1
        rename_back()
    tasks.flush("flush:notes")
    assert caplog.text.count("Flushing flush:notes goes on") == 1
    ours = [record for record in caplog.records if record.name.startswith("cachedemo")]
    assert len([record for record in ours if record.levelno >= logging.WARNING]) == 2


def test_that_flushing_has_stopped_is_said_by_readyz_and_cache_ping(notes: Any, client: Any) -> None:
    wait_behind(notes)
    with renamed_column():
        tasks.flush("flush:notes")
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["status"] == "degraded"
        said = ready.json()["queue"]["waiting"]["flush:notes"]["stopped"]
        assert said.startswith("Flushing flush:notes has stopped: the database refuses to update the table at all.")
        assert "notes_note" not in ready.content.decode(), "details are nothing for strangers"
        assert any(warning.startswith(said) and "notes_note" in warning for warning in ping.warnings(QUEUE))
    tasks.flush("flush:notes")
    assert client.get("/readyz").json()["queue"]["waiting"]["flush:notes"]["stopped"] is None
    assert not any("stopped" in warning for warning in ping.warnings(QUEUE))


def test_flushing_counts_as_stopped_no_longer_than_something_waits(notes: Any) -> None:
    notes.table.queue.enqueue(1, 0, 1000, {"title": "new"})
    with renamed_column():
        tasks.flush("flush:notes")
    notes.via("write-through").update(1, title="newer")
    notes.flush()
    assert notes.table.queue.stopped() is None


def test_a_role_that_may_not_write_stops_flushing_and_buries_nothing(notes: Any, on_postgresql: None) -> None:
    wait_behind(notes)
    with as_role("SELECT"), pytest.raises(StatementRefused, match="42501"):
        notes.flush()
    assert notes.table.queue.dead() == {}
    assert notes.drain(timeout=10) == 20


def test_a_database_that_only_reads_is_waited_for(notes: Any, on_sqlite: None) -> None:
    wait_behind(notes)
    sql("PRAGMA query_only = ON")
    with pytest.raises(SourceUnavailable, match="readonly") as caught:
        database_stays_open(notes)
    assert not isinstance(caught.value, StatementRefused)
    sql("PRAGMA query_only = OFF")
    assert notes.table.queue.dead() == {}
    assert notes.drain(timeout=10) == 20


def database_stays_open(notes: Any) -> None:
    """Flush; a new connection would forget the PRAGMA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "reconnect", lambda using: None)
        notes.flush()


def test_a_lost_connection_is_made_anew(notes: Any, on_postgresql: None) -> None:
    wait_behind(notes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert notes.flush() == 20
    assert landed() == 20


# Locked rows


def test_where_locked_rows_cannot_be_skipped_the_batch_is_halved(notes: Any, monkeypatch: Any) -> None:
    apply_many, tries = database.apply_many, []

    def wait_in_vain(table: Any, rows: Any) -> None:
        tries.append(len(rows))
        if "7" not in [pk for pk, _, _ in rows]:
            return apply_many(table, rows)
        with answering.answering():
            raise OperationalError("a lock") from postgresql("55P03").__cause__

    monkeypatch.setattr(database, "apply_many", wait_in_vain)
    wait_behind(notes)
    assert notes.flush() == 20
    assert landed() == 19
    assert tries == [20, 10, 5, 5, 2, 3, 1, 2, 10] or len(tries) < 12, "once each, and not five times"
    assert QUEUE.command("ZRANGE", "{flush:notes}:claimed", 0, -1) == [b"7"]


@pytest.fixture
def other(on_postgresql: None, notes: Any) -> Any:
    """Somebody else's connection to the database."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters) as other:
        yield other


def test_a_locked_row_stops_no_neighbour_and_comes_later(notes: Any, other: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(parked_rows, "PARKED_FOR", 0.2)
    other.execute("SELECT 1 FROM notes_note WHERE id = 7 FOR UPDATE")
    wait_behind(notes)
    assert notes.flush() == 20
    assert landed() == 19
    assert notes.table.queue.dead() == {}
    assert notes.table.queue.depth() == 1
    other.rollback()
    notes.drain(timeout=10)
    assert landed() == 20


def test_a_row_that_others_only_refer_to_counts_as_free(notes: Any, other: Any) -> None:
    other.execute("SELECT 1 FROM notes_note WHERE id = 7 FOR UPDATE")
    other.execute("SELECT 1 FROM notes_note WHERE id = 8 FOR KEY SHARE")
    wait_behind(notes)
    notes.flush()
    assert not Note.objects.filter(pk=7, title="new").exists()
    assert landed() == 19


def test_a_locked_row_beside_a_refused_one_stops_nobody(notes: Any, other: Any) -> None:
    other.execute("SELECT 1 FROM notes_note WHERE id = 3 FOR UPDATE")
    wait_behind(notes, size=-1)
    assert notes.flush() == 20
    assert landed() == 18
    assert "size_is_no_debt" in only_letter(notes)
    assert QUEUE.command("ZRANGE", "{flush:notes}:claimed", 0, -1) == [b"3"]


def test_a_row_that_takes_too_long_stops_no_neighbour(notes: Any, on_postgresql: None) -> None:
    with trigger("PERFORM pg_sleep(5);"):
        wait_behind(notes, title="refused")
        sql("SET statement_timeout = 200")
        try:
            assert notes.flush() == 20
        finally:
            sql("SET statement_timeout = 0")
    assert landed() == 19
    assert QUEUE.command("ZRANGE", "{flush:notes}:claimed", 0, -1) == [b"7"]


@pytest.mark.skipif("connection.vendor != 'mysql'", reason="MariaDB only: pytest --mariadb")
def test_a_row_over_the_time_limit_of_mariadb_stops_no_neighbour_and_is_not_refused(notes: Any) -> None:
    sql(
        "CREATE TRIGGER slow BEFORE UPDATE ON notes_note FOR EACH ROW "
        "BEGIN IF NEW.title = 'slow' THEN SET @waited = SLEEP(5); END IF; END"
    )
    wait_behind(notes, title="slow")
    sql("SET max_statement_time = 0.2")
    try:
        assert notes.flush() == 20
        assert landed() == 19
        assert notes.table.queue.dead() == {}
        with pytest.raises(SourceUnavailable):
            notes.via("write-through").update(7, title="slow")
    finally:
        sql("SET max_statement_time = 0")
        sql("DROP TRIGGER slow")
    assert notes.get(7).title == "slow"


def test_a_projects_own_patience_for_locks_stays(notes: Any, other: Any) -> None:
    with trigger("IF current_setting('lock_timeout') <> '1ms' THEN RAISE EXCEPTION 'no'; END IF;", when="true"):
        other.execute("SELECT 1 FROM notes_note WHERE id = 7 FOR UPDATE")
        wait_behind(notes)
        sql("SET lock_timeout = 1")
        try:
            notes.flush()
        finally:
            sql("SET lock_timeout = 0")
            other.rollback()
    assert landed() == 19
    assert notes.table.queue.dead() == {}


# Who writes the database first


def test_a_row_that_is_refused_is_told_in_the_databases_own_error(notes: Any, on_postgresql: None) -> None:
    notes.get(7)
    with trigger("RAISE EXCEPTION 'not that';"), pytest.raises(DatabaseError, match="not that"):
        notes.via("write-through").update(7, title="refused")
    assert notes.get(7).title == "old"
    assert notes.table.queue.owed() == (0, 0.0)


def test_a_row_refused_at_its_commit_was_not_written_for_certain(notes: Any, on_postgresql: None) -> None:
    notes.get(7)
    with trigger("RAISE EXCEPTION 'not that';", timing="DEFERRED"), pytest.raises(DatabaseError, match="not that"):
        notes.via("write-through").update(7, title="refused")
    assert notes.table.queue.owed() == (0, 0.0)


def test_a_row_that_a_policy_refuses_is_told_in_the_databases_own_error(notes: Any, on_postgresql: None) -> None:
    sql(
        "ALTER TABLE notes_note ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_but_one ON notes_note USING (true) WITH CHECK (title <> 'refused')",
    )
    try:
        with as_role("SELECT", "UPDATE"), pytest.raises(ProgrammingError, match="policy") as caught:
            notes.via("cache-aside").update(7, title="refused")
        assert database_errors.judge(caught.value) is Verdict.ROW
    finally:
        sql("DROP POLICY all_but_one ON notes_note", "ALTER TABLE notes_note DISABLE ROW LEVEL SECURITY")


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_wrong_statement_is_told_as_such(notes: Any, pattern: str) -> None:
    writer = notes.via(pattern)
    notes.get(7)
    with renamed_column():
        with pytest.raises(StatementRefused):
            writer.update(7, body="new")
        with pytest.raises(StatementRefused):
            writer.create(title="new")
        assert notes.get(7).body == "", "from the cache, where the old value is again"
    assert notes.table.queue.owed() == (0, 0.0)


def test_a_role_that_may_not_insert_or_delete_is_told_so(notes: Any, on_postgresql: None) -> None:
    with as_role("SELECT", "UPDATE"):
        with pytest.raises(StatementRefused, match="42501"):
            notes.via("write-through").create(title="new")
        with pytest.raises(StatementRefused, match="42501"):
            notes.delete(7)
    assert Note.objects.filter(pk=7).exists()


# What is told of it


def test_no_value_and_no_forged_line_is_in_a_log_or_a_dead_letter(notes: Any, caplog: pytest.LogCaptureFixture) -> None:
    """PostgreSQL's DETAIL holds the whole row, columns that are never cached included."""
    past_cachedemo(Note).filter(pk=7).update(secret="hunter2")
    wait_behind(notes, size=-1, title=VALUE)
    notes.table.queue.enqueue(8, 0, 1000, {"size": VALUE})
    key = as_hash(QUEUE.client(), "{flush:notes}:row:9")
    QUEUE.command("HSET", key, "title", VALUE, "body\nERROR forged", "0000000000000001" + VALUE)
    notes.get(9)
    notes.drain(timeout=10)
    errors = [letter["error"] for letter in notes.table.queue.dead().values()]
    assert len(errors) == 3
    dead_letters.discard(notes, ["7", "8", "9"])
    for said in [*errors, *(record.getMessage() for record in caplog.records)]:
        assert "hunter2" not in said
        assert "\n" not in said
    assert "Discarded the dead letter flush:notes 7: size" in caplog.text


def test_an_api_tells_a_refusal_whatever_its_class(
    people: Any, open_access: None, client: Any, monkeypatch: Any
) -> None:
    """PostgreSQL's driver has a value that an index cannot hold as an OperationalError, as it has an outage."""
    for error, status in ((postgresql("54000"), 409), (postgresql("42703"), 503), (postgresql("57P01"), 503)):

        def refuse(*arguments: Any, error: Exception = error, **options: Any) -> None:
            with answering.answering():
                raise OperationalError(VALUE) from error.__cause__

        monkeypatch.setattr(database, "apply", refuse)
        monkeypatch.setattr(synchronous, "accepts_update", lambda table: False)
        response = client.patch("/api/write-through/users/1", {"name": "Al"}, content_type="application/json")
        assert response.status_code == status
