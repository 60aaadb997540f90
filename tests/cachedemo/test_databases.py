"""A row is (database, model, key): two databases with the same keys share no slot, no queue and no stamp."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import ERROR, run_checks
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, connections, models, transaction

from cachedemo import cache_for, registry, tasks
from cachedemo.exceptions import NotRegistered, UnknownDatabase
from cachedemo.operations import audit, keyspace
from cachedemo.protocol import announced_tables, slot_keys
from tests.helpers import entries, past_cachedemo
from tests.notes.models import Essay, Note, Paper, Shelf
from users.models import User

ACME = "ac:me"  # an alias may hold what a key may not


@pytest.fixture
def acme(people: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A second database with the same tables, and a note 1 in both."""
    monkeypatch.setitem(
        connections.settings,
        ACME,
        {**connection.settings_dict, "ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}
        | {"NAME": str(tmp_path / "acme.sqlite3")},
    )
    with contextlib.suppress(AttributeError):
        del connections[ACME]  # of the test before
    connections[ACME].connect()  # past the guard of a test that has not named this database
    try:
        with connections[ACME].schema_editor() as editor:
            for model in (User, Note, Essay, Shelf, Paper):
                editor.create_model(model)
        for using in ("default", ACME):
            past_cachedemo(Note).using(using).create(pk=1, title=f"of {using}", body="b0")
        yield ACME
    finally:
        connections[ACME].close()
        del connections[ACME]
        registry._of_others.clear()


class Tenant:
    """Picks a database for each tenant, as a middleware would tell it."""

    current = "default"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.current

    db_for_write = db_for_read


@pytest.fixture
def tenant(settings: Any) -> Tenant:
    router = Tenant()
    settings.DATABASE_ROUTERS = [router]
    return router


def title(using: str) -> str:
    return str(past_cachedemo(Note).using(using).get(pk=1).title)


def test_each_tenant_reads_its_own_row(acme: str, tenant: Tenant) -> None:
    assert cache_for(Note).get(1).title == "of default"
    tenant.current = acme
    assert cache_for(Note).get(1).title == f"of {acme}"
    assert cache_for(Note).get(1)._state.db == acme


def test_the_keys_have_the_alias_where_it_is_not_the_default_one(acme: str, redis_cache: Any, redis_queue: Any) -> None:
    for using in ("default", acme):
        cache_for(Note, using=using).get(1)
        cache_for(Note, using=using).via("write-behind").update(1, body="waits")
    assert set(redis_cache.scan_iter("v*")) == {b"v1:note:1", b"v1:note@ac%3Ame:1"}
    assert entries(redis_queue, "{flush:notes@ac%3Ame}:row:1").keys() == {b"body"}
    assert slot_keys.parts("v1:note@ac%3Ame:1") == ("1", "note@ac%3Ame", "1")
    assert {group.name for group in keyspace.scan().groups.values()} == {"v1:note:", "v1:note@ac%3Ame:"}
    assert keyspace.foreign(keyspace.scan()) == []


def test_a_write_is_flushed_into_the_database_that_it_was_for(acme: str, tenant: Tenant) -> None:
    tenant.current = acme
    cache_for(Note).via("write-behind").update(1, title="of the tenant")
    tenant.current = "default"
    tasks.flush()  # as beat asks: a worker without a tenant finds all that were announced
    assert (title("default"), title(acme)) == ("of default", "of the tenant")
    cache_for(Note, using=acme).via("write-behind").update(1, title="again")
    tasks.flush("flush:notes@ac%3Ame")
    assert title(acme) == "again"


def test_saves_bulk_methods_and_deletions_touch_the_slots_of_their_database_alone(acme: str) -> None:
    here, there = cache_for(Note), cache_for(Note, using=acme)
    assert [cache.get(1).title for cache in (here, there)] == ["of default", f"of {acme}"]
    note = Note.objects.using(acme).get(pk=1)
    note.title = "saved"
    note.save()
    assert [cache.get(1).title for cache in (here, there)] == ["of default", "saved"]
    with transaction.atomic(acme):
        Note.objects.using(acme).update(title="bulk")
    assert [cache.get(1).title for cache in (here, there)] == ["of default", "bulk"]
    Note.objects.using(acme).get(pk=1).delete()
    assert here.get(1).title == "of default"
    with pytest.raises(Note.DoesNotExist):
        there.get(1)


@pytest.mark.parametrize("elsewhere", ["default", ACME])
def test_a_deletion_is_of_the_row_in_the_database_that_was_named(acme: str, tenant: Tenant, elsewhere: str) -> None:
    using = acme if elsewhere == "default" else "default"
    tenant.current = elsewhere
    cache_for(Note, using=using).delete(1)
    with pytest.raises(Note.DoesNotExist):
        cache_for(Note, using=using).get(1)
    assert cache_for(Note, using=elsewhere).get(1).title == title(elsewhere) == f"of {elsewhere}"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
@pytest.mark.parametrize("constrained", [True, False])
def test_a_reference_is_looked_up_beside_the_row_or_where_the_router_says(
    acme: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, pattern: str, constrained: bool
) -> None:
    for field in Paper._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            monkeypatch.setattr(field, "db_constraint", constrained)
    beside, elsewhere = (1, 2) if constrained else (2, 1)
    Shelf.objects.using(acme).create(pk=1, name="of acme")
    Shelf.objects.using("default").create(pk=2, name="of default")
    papers = cache_for(Paper, using=acme).via(pattern)
    with connections[acme].constraint_checks_disabled():  # the table has them all the same
        paper = papers.create(title="t", nulled_id=beside, set=None, defaulted=None, own=None)
        assert papers.update(paper.pk, nulled=None).nulled_id is None
        assert papers.update(paper.pk, nulled=beside).nulled_id == beside
    for write in (
        lambda: papers.update(paper.pk, nulled=elsewhere),
        lambda: papers.create(title="", nulled_id=elsewhere, set=None, defaulted=None, own=None),
    ):
        with pytest.raises(ValidationError) as error:
            write()
        assert error.value.message_dict["nulled"] == [f"shelf instance with id {elsewhere} is not a valid choice."]
    assert "title" in error.value.message_dict


def test_a_router_that_must_know_whose_request_this_is_is_not_asked_where_the_database_is_named(
    acme: str, settings: Any
) -> None:
    class Strict(Tenant):
        def db_for_read(self, model: Any, **hints: Any) -> str:
            raise RuntimeError("no tenant")

        db_for_write = db_for_read

    Shelf.objects.using(acme).create(pk=1, name="of acme")
    settings.DATABASE_ROUTERS = [Strict()]
    papers = cache_for(Paper, using=acme)
    paper = papers.create(title="t", nulled_id=1, set=None, defaulted=None, own=None)
    assert papers.update(str(paper.pk), title="t2", nulled=1).title == papers.get(paper.pk).title == "t2"
    papers.via("write-behind").update(paper.pk, title="t3")
    papers.drain()
    papers.delete(paper.pk)
    assert papers.get_many([paper.pk]) == {}


def test_a_copy_to_another_database_writes_all_of_it(acme: str) -> None:
    note = Note.objects.get(pk=1)
    note.save(using=acme)
    assert title(acme) == "of default"


def in_a_transaction_that_is_rolled_back(acme: str, write: Any) -> None:
    with transaction.atomic(acme):
        write()
        transaction.set_rollback(True, acme)


def test_a_copy_to_a_database_that_has_no_such_row_is_inserted_there(acme: str) -> None:
    note = past_cachedemo(Note).create(pk=2, title="new", body="b")
    loaded = Note.objects.get(pk=2)
    for copied in (note, loaded):
        past_cachedemo(Note).using(acme).filter(pk=2).delete()
        copied.save(using=acme)
        assert cache_for(Note, using=acme).get(2).title == "new"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_copy_that_was_rolled_back_is_written_whole_when_it_is_saved_again(acme: str, is_there: bool) -> None:
    if not is_there:
        past_cachedemo(Note).using(acme).filter(pk=1).delete()
    note = Note.objects.get(pk=1)
    in_a_transaction_that_is_rolled_back(acme, lambda: note.save(using=acme))
    note.save(using=acme)
    assert title(acme) == "of default"


def test_copies_of_many_rows_that_were_rolled_back_are_saved_one_by_one(acme: str) -> None:
    past_cachedemo(Note).using(acme).filter(pk=1).delete()
    rows = list(Note.objects.filter(pk=1))
    in_a_transaction_that_is_rolled_back(acme, lambda: Note.objects.using(acme).bulk_create(rows))
    rows[0].save(using=acme)
    assert title(acme) == "of default"


def test_what_a_bulk_update_wrote_to_another_database_is_still_a_change_of_the_row_that_was_loaded(acme: str) -> None:
    note = Note.objects.get(pk=1)
    note.title = "changed"
    Note.objects.using(acme).bulk_update([note], ["title"])
    note.save()
    assert title("default") == title(acme) == "changed"


def test_what_was_not_reloaded_from_another_database_is_written_to_it(acme: str) -> None:
    Note.objects.using(acme).update(title="of acme", body="b1")
    note = Note.objects.get(pk=1)
    note.refresh_from_db(using=acme, fields=["body"])
    note.save(using=acme)
    assert (title(acme), cache_for(Note, using=acme).get(1).body) == ("of default", "b1")


def test_a_row_that_was_read_from_a_replica_is_saved_as_what_it_is(acme: str, settings: Any) -> None:
    class Replica(Tenant):
        def db_for_read(self, model: Any, **hints: Any) -> str:
            return acme

        def db_for_write(self, model: Any, **hints: Any) -> str:
            return "default"

    settings.DATABASE_ROUTERS = [Replica()]
    note = Note.objects.get(pk=1)
    assert note._state.db == acme
    assert cache_for(Note, using=acme) is cache_for(Note)
    cache_for(Note).update(1, title="acknowledged")
    note.body = "saved"
    note.save()
    assert cache_for(Note).get(1).title == title("default") == "acknowledged"


def test_a_mirror_is_its_primary(acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings[acme], "TEST", {"MIRROR": "default"})
    assert cache_for(Note, using=acme) is cache_for(Note, using="default")


def test_a_worker_leaves_a_database_that_it_does_not_know(
    acme: str, redis_queue: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_for(Note, using=acme).via("write-behind").update(1, title="waits")
    registry._of_others.clear()
    monkeypatch.delitem(connections.settings, acme)
    tasks.flush("flush:notes@ac%3Ame")
    assert "no database 'ac:me' in DATABASES" in caplog.text
    tasks.flush()
    assert redis_queue.llen("flush:notes@ac%3Ame") == 1
    with pytest.raises(UnknownDatabase):
        cache_for(Note, using=acme)


def test_operators_see_every_database_that_was_announced(acme: str, capsys: pytest.CaptureFixture[str]) -> None:
    cache_for(Note, using=acme).get(1)
    registry._of_others.clear()  # as in another process
    assert acme in announced_tables.aliases()["notes.Note"]
    assert cache_for(Note, using=acme) in registry.registered()
    assert registry.by_name("note@ac%3Ame") is cache_for(Note, using=acme)
    call_command("cache_drain")
    assert "flush:notes@ac%3Ame" in capsys.readouterr().out
    assert audit.audit(cache_for(Note, using=acme)).drifts == []


def test_a_transaction_of_one_database_says_nothing_of_another(acme: str) -> None:
    here, there = cache_for(Note), cache_for(Note, using=acme)
    with transaction.atomic():
        Note.objects.update(title="rolled back")
        there.update(1, title="written")
        transaction.set_rollback(True)
    assert [cache.get(1).title for cache in (here, there)] == ["of default", "written"]


@pytest.mark.parametrize("name", ["a@b", "a#b", "a{b", "a}b"])
def test_names_that_would_look_like_an_alias_are_refused(name: str) -> None:
    from django.core.exceptions import ImproperlyConfigured

    from cachedemo import ModelCache, registration_checks

    for option in ({"name": name}, {"queue": f"flush:{name}"}):
        declared = type("Odd", (ModelCache,), {"fields": ["title"], **option})
        with pytest.raises(ImproperlyConfigured, match=next(iter(option))):
            registration_checks.check(declared(Note))


def test_no_check_of_a_project_with_two_databases_needs_a_server(
    acme: str, broken_queue: Any, broken_cache: Any
) -> None:
    with broken_queue(), broken_cache():
        found = run_checks(databases=["default", acme])
    assert [message.id for message in found if message.level >= ERROR] == []
    assert "cachedemo.W030" in [message.id for message in found]


def test_what_is_not_registered_says_so() -> None:
    with pytest.raises(NotRegistered):
        registry.by_queue("flush:nothing@ac%3Ame")
