"""The audit finds drift of any origin and repairs it when asked; what is only under way is no drift."""

import io
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cachedemo import cache_for
from cachedemo.operations import audit
from tests.helpers import past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(audit, "SECOND_LOOK", 0.05)


@pytest.fixture
def notes(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}") for pk in range(1, 1201)])
    notes = cache_for(Note)
    notes.warm(range(1, 1201))
    return notes


def by_raw_sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def run(*arguments):
    out = io.StringIO()
    try:
        call_command("cache_audit", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_no_drift_is_said(notes):
    notes.via("write-behind").update(1, title="waits")
    status, said = run()
    assert status == 0
    assert "v1:note:*: 1200 slots, 0 drifted." in said


def test_drift_planted_by_raw_sql_is_found_shown_and_repaired(notes):
    by_raw_sql("UPDATE notes_note SET title = 'raw' WHERE id = 700")
    by_raw_sql("DELETE FROM notes_note WHERE id = 800")
    status, said = run()
    assert status == 1
    assert "1200 slots, 2 drifted." in said
    assert '"title": "a700"' in said
    assert '"title": "raw"' in said
    assert "database missing" in said
    assert notes.get(700).title == "a700", "only --repair repairs"
    status, said = run("--repair")
    assert status == 0
    assert "2 drifted, 2 repaired." in said
    assert notes.get(700).title == "raw"
    with pytest.raises(Note.DoesNotExist):
        notes.get(800)
    assert run()[0] == 0


def test_the_log_names_the_fields_that_differ_and_no_values(notes, caplog):
    by_raw_sql("UPDATE notes_note SET title = 'secret' WHERE id = 700")
    audit.audit(notes)
    assert "v1:note:700 and the database differ in title." in caplog.text
    assert "secret" not in caplog.text
    assert "a700" not in caplog.text


def test_a_row_that_was_inserted_past_a_known_miss_is_drift(notes):
    with pytest.raises(Note.DoesNotExist):
        notes.get(5000)
    past_cachedemo(Note).bulk_create([Note(pk=5000, title="raw")])
    [drift] = audit.audit(notes).drifts
    assert (drift.pk, drift.cached) == (5000, None)


def test_a_slot_with_json_of_another_kind_is_drift(notes, redis_cache):
    redis_cache.set("v1:note:1", b'V0000000000000000{"id": 1}', px=60_000)
    assert [drift.pk for drift in audit.audit(notes).drifts] == [1]


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_write_under_way_is_no_drift(notes, pattern):
    with interleaving() as actor:
        writer = actor(lambda: notes.via(pattern).update(1, title="new")).step("commit")
        assert audit.audit(notes).drifts == []
        writer.finish()


def test_what_is_fixed_by_the_second_look_is_no_drift(notes, monkeypatch):
    by_raw_sql("UPDATE notes_note SET title = 'raw' WHERE id = 700")
    monkeypatch.setattr(audit, "time", SimpleNamespace(sleep=lambda seconds: notes.evict([700])))
    assert audit.audit(notes).drifts == []


def test_a_sample_looks_at_so_many_of_ours_among_foreign_keys(notes, redis_cache):
    for number in range(300):
        redis_cache.set(f"celery {number}", "x", ex=60)
    report = audit.audit(notes, sample=50)
    assert report.looked_at == 50
    by_raw_sql("UPDATE notes_note SET title = 'raw'")
    assert len(audit.audit(notes, sample=50).drifts) == 50


def test_an_empty_cache_and_a_bad_sample_are_said(transactional_db):
    assert "v1:note:*: 0 slots, 0 drifted." in run("--sample", "10")[1]
    with pytest.raises(CommandError, match="from 1"):
        run("--sample", "0")


def test_without_the_cache_it_is_a_sentence(transactional_db, broken_cache):
    with broken_cache(), pytest.raises(CommandError, match="cannot be reached"):
        run()


def test_rows_with_a_stamp_that_no_queue_has_handed_out_are_counted_and_are_no_drift(notes):
    by_raw_sql("UPDATE notes_note SET cache_stamp = 1795383347112500123 WHERE id IN (1, 2)")
    by_raw_sql("UPDATE notes_note SET cache_stamp = -1 WHERE id = 3")
    status, said = run()
    assert status == 0
    assert "3 rows with a cache_stamp that no queue can have handed out" in said
    notes.update(1, title="a1")
    assert "2 rows with a cache_stamp" in run()[1]
    assert "cache_stamp" not in run("--sample", "10")[1]
