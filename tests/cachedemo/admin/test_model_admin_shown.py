"""Pages that were opened a while ago put back nothing that others have changed since: forms, lists, inlines."""

import datetime
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.color import no_style
from django.db import OperationalError, connection, connections

from cachedemo import cache_for, registry
from cachedemo.admin.model_admin import CachedModelAdmin
from cachedemo.exceptions import ForeignData, OutcomeUnknown, QueueUnavailable, SourceUnavailable
from tests.cachedemo.admin.browser_forms import errors, fill, said
from tests.cachedemo.admin.site import NoteAdmin, NoteForm, NoteInline, OwnerAdmin, StackedNoteInline
from tests.notes.caches import NoteCache
from tests.notes.models import Note, Sample
from users.models import User

LIST, FORM, OWNER = "/admin/notes/note/", "/admin/notes/note/1/change/", "/admin/users/user/1/change/"
SAVE_LIST = {"_save": "Save"}


@pytest.fixture
def browser(admin_client, settings):
    settings.ROOT_URLCONF = "tests.cachedemo.admin.site"
    return admin_client


@pytest.fixture
def owned(notes, people):
    """The two notes belong to user 1; the next one has an id of its own."""
    Note.objects.update(owner=1)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Note]):
            cursor.execute(statement)
    return notes


@pytest.fixture
def refusing(notes, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", "refuse")


def stored(pk=1):
    """The row as it is once nothing waits."""
    cache_for(Note).drain(timeout=5)
    return Note.objects.values_list("title", "body", "size").get(pk=pk)


# the form


@pytest.mark.parametrize("flushed", [False, True])
def test_a_form_saves_another_field_while_it_shows_what_a_constraint_refuses(browser, notes, flushed):
    notes.via("write-behind").update(1, size=-5)
    if flushed:
        notes.drain(timeout=5)
    page = browser.get(FORM)
    assert browser.post(FORM, fill(page, title="changed")).status_code == 302
    assert (notes.get(1).title, notes.get(1).size) == ("changed", -5)
    assert errors(browser.post(FORM, fill(browser.get(FORM), size="-7")))
    assert browser.post(FORM, fill(browser.get(FORM), size="7")).status_code == 302
    assert notes.get(1).size == 7


def test_a_form_puts_back_no_field_that_was_not_changed_on_it(browser, notes):
    page = browser.get(FORM)
    notes.via("write-behind").update(1, body="acknowledged")
    browser.post(FORM, fill(page, size="7"))
    assert stored() == ("a0", "acknowledged", 7)


def test_nor_a_field_that_is_not_cached(browser, notes, people):
    page = browser.get(FORM)
    Note.objects.filter(pk=1).update(secret="theirs", owner=2)
    browser.post(FORM, fill(page, size="7"))
    assert Note.objects.values_list("secret", "owner", "size").get(pk=1) == ("theirs", 2, 7)


def test_a_field_that_both_have_changed_has_what_was_saved_last_and_the_page_says_so(browser, notes):
    page = browser.get(FORM)
    notes.via("write-behind").update(1, title="theirs", body="theirs")
    answer = browser.post(FORM, fill(page, title="mine"), follow=True)
    assert stored() == ("mine", "theirs", 0)
    assert "Somebody else had changed Title of this note after you opened this page." in said(answer)


@pytest.mark.parametrize("waiting", [{"title": "theirs"}, {"body": "two\nlines"}])
def test_a_form_that_refuses_says_which_field_was_changed(browser, notes, refusing, waiting):
    page = browser.get(FORM)
    notes.via("write-behind").update(1, **waiting)
    answer = browser.post(FORM, fill(page, size="7"))
    [field] = waiting
    expected = f"Somebody else changed {field.title()} of this note after you opened this page. Nothing was saved."
    assert expected in errors(answer)
    assert notes.get(1).size == 0
    assert expected in errors(browser.post(FORM, fill(answer)))  # as long as the page is not opened again
    browser.post(FORM, fill(browser.get(FORM), size="7"))
    assert (notes.get(1).size, getattr(notes.get(1), field)) == (7, waiting[field])


def test_a_form_on_which_nothing_was_changed_writes_nothing(browser, notes):
    Note.objects.filter(pk=1).update(title=" spaces ", body="two\nlines")
    stamp = notes.read(1).stamp
    browser.post(FORM, fill(browser.get(FORM)))
    assert notes.read(1).stamp == stamp
    assert stored() == (" spaces ", "two\nlines", 0)


def test_a_form_that_refuses_takes_spaces_and_lines_for_what_they_are(browser, notes, refusing):
    Note.objects.filter(pk=1).update(title=" spaces ", body="two\nlines")
    browser.post(FORM, fill(browser.get(FORM), size="7"))
    assert stored() == (" spaces ", "two\nlines", 7)


@pytest.mark.parametrize("mode", ["merge", "refuse"])
def test_what_a_program_sends_without_what_was_shown_is_written(browser, notes, mode, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", mode)
    Note.objects.filter(pk=1).update(secret="old")
    notes.via("write-behind").update(1, body="waits")
    browser.post(FORM, {"title": "new", "body": "waits", "size": "0", "secret": "", "owner": ""})
    assert stored() == ("new", "waits", 0)
    assert Note.objects.get(pk=1).secret == ""


MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
SAMPLE = {
    "price": Decimal("1.5000"),
    "at": MOMENT,
    "day": None,
    "took": datetime.timedelta(seconds=90),
    "ratio": 0.25,
    "flags": {"a": [1]},
    "done": True,
    "paper": "old.txt",
    "coded": {"b": 1},
}
NEWER = {
    "price": Decimal("2.2500"),
    "at": MOMENT + datetime.timedelta(days=1),
    "day": datetime.date(2026, 2, 3),
    "took": None,
    "flags": {"b": {}},
    "done": False,
    "paper": "new.txt",
    "coded": {"c": "d"},
}


@pytest.mark.parametrize("mode", ["merge", "refuse"])
def test_every_kind_of_field_comes_back_as_it_was_shown(browser, transactional_db, mode, monkeypatch):
    monkeypatch.setattr(cache_for(Sample), "stale_saves", mode)
    sample = Sample.objects.create(**SAMPLE)
    url = f"/admin/notes/sample/{sample.pk}/change/"
    answer = browser.post(url, fill(browser.get(url), ratio="0.75"), follow=True)
    assert "was changed successfully" in said(answer)
    assert LogEntry.objects.get().get_change_message() == "Changed Ratio."
    assert Sample.objects.values(*SAMPLE).get() == SAMPLE | {"ratio": 0.75}


def test_another_file_is_saved(browser, transactional_db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    sample = Sample.objects.create(**SAMPLE)
    url = f"/admin/notes/sample/{sample.pk}/change/"
    sent = fill(browser.get(url)) | {"paper": SimpleUploadedFile("other.txt", b"text")}
    browser.post(url, sent)
    assert Sample.objects.get().paper.name == "other.txt"


def test_no_kind_of_field_is_put_back(browser, transactional_db):
    sample = Sample.objects.create(**SAMPLE)
    url = f"/admin/notes/sample/{sample.pk}/change/"
    page = browser.get(url)
    cache_for(Sample).via("write-behind").update(sample.pk, **NEWER)
    answer = browser.post(url, fill(page, ratio="0.75"))
    assert answer.status_code == 302
    cache_for(Sample).drain(timeout=5)
    assert Sample.objects.values(*SAMPLE).get() == SAMPLE | NEWER | {"ratio": 0.75}


@pytest.mark.parametrize("name", sorted(NEWER))
def test_every_kind_of_field_that_others_have_changed_is_refused(browser, transactional_db, name, monkeypatch):
    monkeypatch.setattr(cache_for(Sample), "stale_saves", "refuse")
    sample = Sample.objects.create(**SAMPLE)
    url = f"/admin/notes/sample/{sample.pk}/change/"
    page = browser.get(url)
    cache_for(Sample).via("write-behind").update(sample.pk, **{name: NEWER[name]})
    answer = browser.post(url, fill(page, ratio="0.75"))
    assert f"Somebody else changed {name.title()} of this sample" in errors(answer)


def test_a_number_that_is_written_with_commas_is_no_other_number(browser, notes, refusing, settings, monkeypatch):
    settings.USE_THOUSAND_SEPARATOR = True
    monkeypatch.setattr(NoteForm.Meta, "localized_fields", ("size",), raising=False)
    Note.objects.filter(pk=1).update(size=1234)
    page = browser.get(FORM)
    assert fill(page)["initial-size"] == "1,234"
    browser.post(FORM, fill(page, title="new"))
    assert stored() == ("new", "b0", 1234)


class ReadsFromReplica:
    def db_for_read(self, model, **hints):
        return "replica" if model is Note else None

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *_, **hints):
        return True


@pytest.fixture
def replica(notes, settings, monkeypatch):
    """Notes are read from a database that is the same under another name."""
    monkeypatch.setitem(connections.databases, "replica", connections.databases["default"])
    monkeypatch.setattr(connections["replica"], "connection", connection.connection)
    settings.DATABASE_ROUTERS = [ReadsFromReplica()]
    yield
    connections["replica"].connection = None
    del connections["replica"]


@pytest.mark.parametrize("mode", ["merge", "refuse"])
def test_a_row_that_was_loaded_from_a_replica_is_saved_where_writes_go(browser, notes, replica, mode, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", mode)
    browser.post(FORM, fill(browser.get(FORM), size="7"))
    browser.post(LIST, fill(browser.get(LIST), **{"form-0-size": "8"}) | SAVE_LIST)
    cache_for(Note).drain(timeout=5)
    assert list(Note.objects.order_by("pk").values_list("size", flat=True)) == [7, 8]


# what a refusal says


def changed_while_saving(page, request, obj, form, change):
    Note.objects.filter(pk=obj.pk).update(body="theirs")
    CachedModelAdmin.save_model(page, request, obj, form, change)


def test_a_refusal_at_the_last_moment_is_in_words_for_everybody(browser, notes, refusing, monkeypatch):
    page = browser.get(FORM)
    monkeypatch.setattr(NoteAdmin, "save_model", changed_while_saving)
    answer = browser.post(FORM, fill(page, size="7"), follow=True)
    assert said(answer) == (
        "Somebody else changed this while you were saving it. Nothing was saved. Open the page again and make your "
        "change once more."
    )
    assert stored() == ("a0", "b0", 0)


@pytest.mark.parametrize("error", [QueueUnavailable, SourceUnavailable, OutcomeUnknown, ForeignData, OperationalError])
def test_no_refusal_shows_what_only_the_log_should_have(browser, notes, error, monkeypatch, caplog):
    def fail(*_):
        raise error("cache_for(Note) at 127.0.0.1:6379")

    monkeypatch.setattr(NoteAdmin, "save_model", fail)
    words = said(browser.post(FORM, fill(browser.get(FORM), size="7"), follow=True))
    assert words.endswith(("tell the people who run this site.", "before you try again."))
    assert "cache_for" not in words
    assert error.__name__ not in words
    assert error.__name__ in caplog.text


def in_our_words(page, error):
    return f"{error.labels} of {error.what}"


def test_a_project_has_words_of_its_own(browser, owned, refusing, monkeypatch):
    monkeypatch.setattr(NoteAdmin, "explain", in_our_words)
    monkeypatch.setattr(NoteInline, "explain", in_our_words)
    form, rows, inline = browser.get(FORM), browser.get(LIST), browser.get(OWNER)
    owned.via("write-behind").update(1, title="theirs")
    words = "['Title'] of note"
    assert errors(browser.post(FORM, fill(form, size="7"))) == words
    assert errors(browser.post(LIST, fill(rows, **{"form-1-size": "7"}) | SAVE_LIST)) == words
    assert errors(browser.post(OWNER, fill(inline, **{"note_set-0-size": "7"}))) == words


# the list


def test_the_list_shows_what_waits(browser, notes):
    notes.via("write-behind").update(1, title="waits", body="below")
    page = browser.get(LIST)
    assert fill(page)["form-1-title"] == "waits"  # the newest note comes first
    assert b"below" in page.content


def test_a_list_without_fields_to_edit_shows_what_waits(browser, notes, monkeypatch):
    monkeypatch.setattr(NoteAdmin, "list_editable", ())
    notes.via("write-behind").update(1, title="waits")
    assert b"waits" in browser.get(LIST).content


def test_a_list_puts_back_nothing_that_was_not_changed_on_it(browser, notes):
    page = browser.get(LIST)
    notes.via("write-behind").update(1, title="acknowledged", body="acknowledged")
    notes.via("write-behind").update(2, title="acknowledged", size=5)
    answer = browser.post(LIST, fill(page, **{"form-1-size": "7"}) | SAVE_LIST, follow=True)
    assert "1 note was changed successfully." in said(answer)
    assert stored(1) == ("acknowledged", "acknowledged", 7)
    assert stored(2) == ("acknowledged", "b0", 5)


def test_the_form_of_a_row_in_a_list_knows_its_row(browser, notes, monkeypatch):
    seen = []
    monkeypatch.setattr(NoteAdmin, "save_model", lambda page, request, obj, form, change: seen.append(form))
    browser.post(LIST, fill(browser.get(LIST), **{"form-1-size": "7"}) | SAVE_LIST)
    [form] = seen
    assert form.cleaned_data["id"] == Note(pk=1)
    assert form.changed_data == ["size"]


def test_a_list_saves_over_what_waited_when_it_was_shown(browser, notes):
    notes.via("write-behind").update(1, title="waits", body="waits")
    browser.post(LIST, fill(browser.get(LIST), **{"form-1-title": "a0"}) | SAVE_LIST)
    assert notes.get(1).title == "a0"
    assert stored(1) == ("a0", "waits", 0)


def test_a_list_that_refuses_saves_no_row_and_says_which_field_was_changed(browser, notes, refusing):
    page = browser.get(LIST)
    notes.via("write-behind").update(1, title="theirs")
    changed = {"form-0-size": "6", "form-1-size": "7"}
    answer = browser.post(LIST, fill(page, **changed) | SAVE_LIST)
    assert "Somebody else changed Title of this note after you opened this page." in errors(answer)
    assert (notes.get(1).size, notes.get(2).size) == (0, 0)


def test_a_list_that_refuses_saves_rows_that_nobody_else_has_changed(browser, notes, refusing):
    page = browser.get(LIST)
    notes.via("write-behind").update(1, title="theirs")
    browser.post(LIST, fill(page, **{"form-0-size": "6"}) | SAVE_LIST)
    assert stored(1) == ("theirs", "b0", 0)
    assert stored(2) == ("a0", "b0", 6)


def test_without_the_queue_the_list_says_that_it_may_lack_the_latest(browser, notes, broken_queue):
    with broken_queue():
        page = browser.get(LIST)
        assert b"a0" in page.content
        assert "may lack the latest changes" in said(page)
        answer = browser.post(LIST, fill(page, **{"form-1-size": "7"}) | SAVE_LIST, follow=True)
        assert "Nothing was saved" in said(answer)
        assert Note.objects.get(pk=1).size == 0


def test_the_list_asks_the_cache_once_for_all_rows(browser, notes, assert_cache_trips):
    notes.warm([1, 2])
    with assert_cache_trips(1, cache=1):
        browser.get(LIST)


# inlines


def unregister(model, monkeypatch):
    others = {each: cache for each, cache in registry._declared.items() if each is not model}
    monkeypatch.setattr(registry, "_declared", others)  # the order of the others' own dictionary stays


@pytest.fixture(params=["a registered parent", "a parent that is not registered"])
def owner(request, owned, monkeypatch):
    if request.param != "a registered parent":
        unregister(User, monkeypatch)


@pytest.mark.parametrize("inline", [*OwnerAdmin.inlines, StackedNoteInline])
def test_an_inline_shows_what_waits(browser, owned, owner, inline, monkeypatch):
    monkeypatch.setattr(OwnerAdmin, "inlines", (inline,))
    owned.via("write-behind").update(1, title="waits")
    assert fill(browser.get(OWNER))["note_set-0-title"] == "waits"


def test_an_inline_puts_back_nothing_that_was_not_changed_on_it(browser, owned, owner):
    page = browser.get(OWNER)
    owned.via("write-behind").update(1, title="acknowledged", body="acknowledged")
    owned.via("write-behind").update(2, title="acknowledged")
    changed = {"note_set-0-size": "7", "name": "Al", "note_set-2-title": "added", "note_set-2-body": "b"}
    assert browser.post(OWNER, fill(page, **changed)).status_code == 302
    assert stored(1) == ("acknowledged", "acknowledged", 7)
    assert stored(2) == ("acknowledged", "b0", 0)
    assert Note.objects.get(title="added").owner_id == 1
    assert User.objects.get(pk=1).name == "Al"


def test_an_inline_that_refuses_says_which_field_was_changed(browser, owned, owner, refusing):
    page = browser.get(OWNER)
    owned.via("write-behind").update(1, title="theirs")
    answer = browser.post(OWNER, fill(page, **{"note_set-0-size": "7", "name": "Al"}))
    assert "Somebody else changed Title of this note after you opened this page." in errors(answer)
    assert (owned.get(1).size, User.objects.get(pk=1).name) == (0, "Alice Singh")


def test_a_field_of_an_inline_that_both_have_changed_is_said(browser, owned, owner):
    page = browser.get(OWNER)
    owned.via("write-behind").update(1, title="theirs")
    answer = browser.post(OWNER, fill(page, **{"note_set-0-title": "mine"}), follow=True)
    assert "Somebody else had changed Title of this note after you opened this page." in said(answer)
    assert stored()[0] == "mine"


def test_an_inline_asks_the_cache_once_for_all_rows(browser, owned, assert_cache_trips, monkeypatch):
    unregister(User, monkeypatch)
    owned.warm([1, 2])
    with assert_cache_trips(1, cache=1):
        browser.get(OWNER)


class WithOwner(NoteCache):
    name, queue, fields = "owned", "flush:owned", ["title", "body", "size", "owner"]


def test_an_inline_takes_no_row_back_that_has_just_moved_to_another_parent(browser, owned, monkeypatch):
    cache = WithOwner(Note)
    monkeypatch.setitem(registry._declared, Note, cache)
    page, read = browser.get(OWNER), cache.get_many

    def moved_meanwhile(pks, **options):
        Note.objects.filter(pk=1).update(owner=2)
        return read(pks, **options)

    cache.evict([1])
    monkeypatch.setattr(cache, "get_many", moved_meanwhile)
    browser.post(OWNER, fill(page, **{"note_set-0-size": "7"}))
    assert Note.objects.values_list("owner", "size").get(pk=1) == (2, 7)
