"""Soft delete: what the registration's manager hides, no read returns and no `update` finds, in every pattern."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.sql import Query
from django.test.utils import CaptureQueriesContext

import cachedemo
from cachedemo import cache_for
from cachedemo.exceptions import VersionConflict
from cachedemo.managers import CachedManager, CachedQuerySet
from cachedemo.operations import audit
from cachedemo.protocol import versions
from cachedemo.protocol.cached_table import CachedTable
from tests.cachedemo.made_models import a_class, made
from tests.cachedemo.test_cascades import new_models
from tests.helpers import past_cachedemo

PATTERNS = ("cache-aside", "write-through", "write-behind")


class LiveManager(CachedManager):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


def columns() -> dict[str, Any]:
    return {
        "title": models.CharField(max_length=20, default="t"),
        "size": models.IntegerField(default=1),
        "deleted_at": models.DateTimeField(null=True),
        "objects": LiveManager(),
        "everything": CachedManager(),
    }


NOON = "2026-01-02T12:00:00Z"


@pytest.fixture
def books(transactional_db: None) -> Iterator[Any]:
    with made(columns(), manager="objects") as cache:
        yield cache


@pytest.fixture
def book(books: Any) -> int:
    pk: int = books.create(title="old").pk
    books.warm([pk])
    return pk


def is_missing(books: Any, pk: int) -> bool:
    """Ask in every way that there is, with the slot as it is, and with an empty one."""
    for _ in range(2):
        with pytest.raises(books.model.DoesNotExist):
            books.get(pk)
        with pytest.raises(books.model.DoesNotExist):
            books.read(pk)
        with pytest.raises(books.model.DoesNotExist):
            books.read(pk, with_ttl=True)
        if books.get_many([pk]) or books.read_many([pk]) or books.warm([pk]):
            return False
        with transaction.atomic(), pytest.raises(books.model.DoesNotExist):
            books.get(pk)
        books.evict([pk])
    return True


def ways_to_hide() -> dict[str, Any]:
    def saved(books: Any, pk: int) -> None:
        row = books.model.everything.get(pk=pk)
        row.deleted_at = NOON
        row.save()

    def saved_of_the_cache(books: Any, pk: int) -> None:
        row = books.get(pk)
        row.deleted_at = NOON
        row.save(update_fields=["deleted_at"])

    def bulk_updated(books: Any, pk: int) -> None:
        row = books.model.objects.get(pk=pk)
        row.deleted_at = NOON
        books.model.objects.bulk_update([row], ["deleted_at"])

    ways: dict[str, Any] = {
        f"update, {pattern}": lambda books, pk, pattern=pattern: books.via(pattern).update(pk, deleted_at=NOON)
        for pattern in PATTERNS
    }
    ways["save"], ways["save of what the cache gave"], ways["bulk_update"] = saved, saved_of_the_cache, bulk_updated
    ways["QuerySet.update"] = lambda books, pk: books.model.objects.filter(pk=pk).update(deleted_at=NOON)
    ways["QuerySet.update by an expression"] = lambda books, pk: books.model.objects.update(
        deleted_at=models.Value(NOON, output_field=models.DateTimeField())
    )
    return ways


@pytest.mark.parametrize("way", ways_to_hide())
def test_a_row_that_its_manager_hides_is_read_by_nobody_any_more(books: Any, book: int, way: str) -> None:
    ways_to_hide()[way](books, book)
    assert is_missing(books, book)
    assert books.model.everything.get(pk=book).title == "old"


def test_an_update_that_hides_the_row_returns_it_as_it_is_now(books: Any, book: int) -> None:
    for pattern in PATTERNS:
        row = books.via(pattern).update(book, deleted_at=NOON)
        assert row.deleted_at.isoformat() == "2026-01-02T12:00:00+00:00"
        books.model.everything.update(deleted_at=None)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_write_through_the_cache_finds_a_hidden_row(books: Any, book: int, pattern: str) -> None:
    books.update(book, deleted_at=NOON)
    writer = books.via(pattern)
    for write in (
        lambda: writer.update(book, title="new"),
        lambda: writer.update(book, deleted_at=None),
        lambda: writer.write(book, {"title": "new"}, if_match='"any"'),
        lambda: writer.delete(book),
    ):
        with pytest.raises(books.model.DoesNotExist):
            write()
    assert books.table.queue.depth() == 0
    row = books.model.everything.get(pk=book)
    assert (row.title, row.deleted_at is None) == ("old", False)


@pytest.mark.parametrize("restore", ["save", "update"])
def test_a_row_that_is_shown_again_is_read_again(books: Any, book: int, restore: str) -> None:
    books.update(book, deleted_at=NOON)
    assert is_missing(books, book)
    with pytest.raises(books.model.DoesNotExist):
        books.get(book)  # remembered as missing
    if restore == "save":
        row = books.model.everything.get(pk=book)
        row.deleted_at = None
        row.save()
    else:
        books.model.everything.filter(pk=book).update(deleted_at=None)
    assert books.get(book).title == "old"
    assert books.get_many([book])[book].title == "old"


def test_what_waited_when_the_row_was_hidden_is_written_and_shown_again_with_it(books: Any, book: int) -> None:
    behind = books.via("write-behind")
    behind.update(book, title="waits")
    books.update(book, deleted_at=NOON)
    assert books.model.everything.get(pk=book).title == "waits", "the write carries it"
    books.model.everything.update(deleted_at=None)
    behind.update(book, title="waits too")
    past_cachedemo(books.model).update(deleted_at=NOON)
    books.evict([book])
    assert is_missing(books, book)
    books.drain(timeout=5)
    assert books.model.everything.get(pk=book).title == "waits too", "a flush writes hidden rows as well"
    assert is_missing(books, book)
    books.model.everything.update(deleted_at=None)
    assert books.get(book).title == "waits too"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_row_that_is_created_hidden_is_hidden(books: Any, pattern: str) -> None:
    row = books.via(pattern).create(title="draft", deleted_at=NOON)
    assert row.title == "draft"
    assert is_missing(books, row.pk)
    made_at_once = books.model.everything.bulk_create([books.model(pk=99, deleted_at=NOON), books.model(pk=98)])
    assert sorted(books.get_many([each.pk for each in made_at_once])) == [98]


def test_write_through_still_fills_the_slot_of_a_row_that_is_shown(books: Any, book: int) -> None:
    shown = books.via("write-through").update(book, title="new")
    assert books.read(shown.pk).origin == "cache"
    assert books.read(books.via("write-through").create(title="x").pk).origin == "cache"


def test_only_what_decides_which_rows_there_are_does_not_wait(books: Any, book: int) -> None:
    behind = books.via("write-behind")
    assert behind.write(book, {"title": "waits"}).pattern == "write-behind"
    written = behind.write(book, {"title": "new", "deleted_at": None})
    assert (written.pattern, written.reason) == ("write-through", "manager")
    assert books.get(book).title == "new"


def test_a_trigger_that_hides_the_row_is_seen(books: Any, book: int) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a trigger in SQLite's words")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER hides AFTER UPDATE OF size ON notes_made WHEN NEW.size = 0 BEGIN "
            "UPDATE notes_made SET deleted_at = '2026-01-02' WHERE id = NEW.id; END"
        )
    books.via("write-through").update(book, size=0)
    assert is_missing(books, book)


def test_a_read_asks_the_database_as_often_as_without_a_manager(books: Any, book: int) -> None:
    with CaptureQueriesContext(connection) as asked:
        books.get(book)
    assert len(asked) == 0
    books.evict([book])
    with CaptureQueriesContext(connection) as asked:
        books.get(book)
        books.evict([book])
        books.get_many([book])
    assert len(asked) == 2


# another release, which names no manager, lets it wait


@pytest.fixture
def old_release(books: Any) -> Any:
    """The same queue, with a slot of its own."""
    declared = type("Old", (cachedemo.ModelCache,), {"fields": "__all__", "version": 7, "name": books.name})
    cache = declared(books.model)
    cache.announce()
    return cache


def test_what_another_release_lets_wait_hides_and_shows_the_row(books: Any, book: int, old_release: Any) -> None:
    for hides, value in ((True, NOON), (False, None), (True, NOON)):
        old_release.via("write-behind").update(book, deleted_at=value)
        if hides:
            assert is_missing(books, book)
        else:
            assert books.get(book).deleted_at is None
            assert list(books.get_many([book, 99])) == [book]
        assert audit.audit(books).drifts == []
    books.drain(timeout=5)
    assert is_missing(books, book)


def test_what_is_published_over_a_base_is_not_shown_where_something_hides_the_row(
    books: Any, book: int, old_release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cachedemo.patterns import write_behind

    found = write_behind.reads.find_values

    def hidden_after_the_base_was_read(table: CachedTable, pk: Any) -> Any:
        base = found(table, pk)
        monkeypatch.setattr(write_behind.reads, "find_values", found)
        old_release.table.queue.enqueue(pk, 0, 10, {"deleted_at": NOON}, None)
        return base

    monkeypatch.setattr(write_behind.reads, "find_values", hidden_after_the_base_was_read)
    books.via("write-behind").update(book, title="new")
    assert is_missing(books, book)


def test_a_writer_finds_the_row_that_what_it_carries_shows_again(books: Any, book: int, old_release: Any) -> None:
    books.update(book, deleted_at=NOON)
    old_release.via("write-behind").update(book, deleted_at=None)
    assert books.via("write-through").update(book, title="new").deleted_at is None
    assert books.get(book).title == "new"


def test_a_version_is_live_with_one_manager(books: Any) -> None:
    books.announce()
    for manager in (None, "live"):
        options = {"fields": "__all__", "manager": manager, "name": books.name}
        books.model._meta.managers_map["live"] = books.model.objects
        other = type("Other", (cachedemo.ModelCache,), options)(books.model)
        said = r"live with the manager objects \(deleted_at\), but .* raise `version`"
        with pytest.raises(VersionConflict, match=said):
            other.announce()
        assert "raise `version`" in (versions.conflict(other.table) or "")
    assert versions.conflict(books.table) is None


def test_a_base_manager_that_hides_rows_hides_none_where_the_registration_names_no_manager(
    transactional_db: None,
) -> None:
    with new_models() as there:
        model = a_class("Made", columns(), base_manager_name="objects")
        there.append(model)
        with connection.schema_editor() as editor:
            editor.create_model(model)
        cachedemo.register(model)(type("MadeCache", (cachedemo.ModelCache,), {"fields": "__all__"}))
        row = cache_for(model).create(deleted_at=NOON)
        assert cache_for(model).get(row.pk).title == "t"
        assert cache_for(model).update(row.pk, title="new").title == "new"


# A condition, and values that it hides.
CONDITIONS: dict[str, tuple[Q, dict[str, Any]]] = {
    "a flag": (Q(size=1), {"size": 2}),
    "a column compared with another": (Q(size__lt=F("id") + 100), {"size": 1000}),
    "one of several": (Q(title__in=["t", "new"]) & ~Q(size=7), {"size": 7}),
    "the key": (Q(pk__gt=0, size__gt=0), {"size": 0}),
    "a pattern and a length": (Q(title__regex="^[tn]", title__length__lt=9), {"title": "too long for it"}),
    "either": (Q(size__lt=5) | Q(title="shown"), {"size": 5}),
    "a range": (Q(size__range=(1, 5)), {"size": 6}),
    "JSON": (Q(data__state="live") | Q(data__state__isnull=True), {"data": {"state": "gone"}}),
    "another row's key": (Q(parent=None), {"parent": 1}),
    "a generated column": (Q(twice=2), {"size": 2}),
}


@pytest.fixture
def length_lookup() -> Iterator[None]:
    models.CharField.register_lookup(Length)
    yield
    models.CharField._unregister_lookup(Length)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_any_condition_on_columns_of_the_row_counts(
    transactional_db: None, length_lookup: None, condition: str
) -> None:
    shows, hiding = CONDITIONS[condition]

    class Some(CachedManager):
        def get_queryset(self) -> Any:
            return super().get_queryset().filter(shows).order_by("-size").select_related("parent")

    more = {
        "parent": models.ForeignKey("self", models.SET_NULL, null=True),
        "data": models.JSONField(default=dict),
        "twice": models.GeneratedField(expression=F("size") * 2, output_field=models.IntegerField(), db_persist=True),
        "some": Some(),
    }
    with made(columns() | more, manager="some") as cache:
        row = cache.create()
        hiding = {name: row if name == "parent" else value for name, value in hiding.items()}
        for pattern in PATTERNS:
            assert cache.via(pattern).update(row.pk, title="new").title == "new"
        assert cache.get(row.pk).size == 1
        old = type("Old", (cachedemo.ModelCache,), {"fields": "__all__", "version": 7, "name": cache.name})(cache.model)
        old.via("write-behind").update(row.pk, **hiding)
        assert is_missing(cache, row.pk)
        old.drain(timeout=5)
        assert is_missing(cache, row.pk)
        cache.model.everything.update(size=1, title="t", data={}, parent=None)
        assert cache.get(row.pk).title == "t"
        assert cache.via("write-behind").write(row.pk, hiding).pattern == "write-through"
        assert is_missing(cache, row.pk)


def test_a_manager_that_says_something_else_by_now_is_refused_at_the_read(transactional_db: None) -> None:
    """A tenant's, as a middleware sets it: every read shares the cache, and must not show one tenant another's row."""
    tenant: dict[str, int] = {}

    class OfTheTenant(CachedManager):
        def get_queryset(self) -> Any:
            return super().get_queryset().filter(**tenant)

    with made(columns() | {"mine": OfTheTenant()}, manager="mine") as cache:
        row = cache.create()
        assert cache.get(row.pk).title == "t"
        cache.evict([row.pk])
        tenant["size"] = 2
        with pytest.raises(
            ImproperlyConfigured, match=r"'mine' of notes\.Made has another WHERE than when .* registered"
        ):
            cache.get(row.pk)


def test_a_manager_made_by_from_queryset_counts(transactional_db: None) -> None:
    class Books(CachedQuerySet):
        def live(self) -> Any:
            return self.filter(size__gt=0)

    class Live(CachedManager.from_queryset(Books)):  # type: ignore[misc]
        def get_queryset(self) -> Any:
            return super().get_queryset().live()

    with made(columns() | {"live": Live()}, manager="live") as cache:
        assert is_missing(cache, cache.create(size=0).pk)


def test_the_steps_of_a_save_that_hides_a_row_wait_for_its_commit(books: Any, book: int) -> None:
    with transaction.atomic():
        books.model.objects.filter(pk=book).update(deleted_at=NOON)
        with pytest.raises(books.model.DoesNotExist):
            books.get(book)
        transaction.set_rollback(True)
    assert books.get(book).title == "old"


@pytest.mark.parametrize("queue", ["flush:mades", None])
def test_a_registration_without_a_queue_and_one_that_refuses_stale_saves_hide_rows_too(
    transactional_db: None, queue: str | None
) -> None:
    with made(columns(), manager="objects", queue=queue, stale_saves="refuse") as cache:
        row = cache.create()
        row.deleted_at = NOON
        row.save()
        assert is_missing(cache, row.pk)
        row.deleted_at = None
        row.save()
        assert cache.get(row.pk).deleted_at is None


def test_a_child_of_the_model_hides_the_row_too(transactional_db: None) -> None:
    with new_models() as there:
        book = a_class("Made", columns())
        novel = a_class("Novel", {"pages": models.IntegerField(default=1)}, base=book)
        there += [book, novel]
        with connection.schema_editor() as editor:
            editor.create_model(book)
            editor.create_model(novel)
        cachedemo.register(book)(type("C", (cachedemo.ModelCache,), {"fields": "__all__", "manager": "objects"}))
        row = novel.everything.create()
        assert cache_for(book).get(row.pk).title == "t"
        row.deleted_at = NOON
        row.save()
        assert is_missing(cache_for(book), row.pk)
        novel.everything.update(deleted_at=None)
        assert cache_for(book).get(row.pk).title == "t"


class LateQuery(Query):
    """Hides rows when its SQL is made and not before, as a package for soft delete does."""

    is_narrowed = False

    def get_compiler(self, *args: Any, **options: Any) -> Any:
        if not self.is_narrowed and self.can_filter():
            self.add_q(Q(deleted_at=None))
            self.is_narrowed = True
        return super().get_compiler(*args, **options)


class LateManager(CachedManager):
    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        rows.query = LateQuery(self.model)
        return rows


@pytest.mark.parametrize("pattern", PATTERNS)
def test_rows_that_a_query_hides_when_its_sql_is_made_are_hidden(pattern: str, transactional_db: None) -> None:
    with made({**columns(), "objects": LateManager()}, manager="objects") as cache:
        pk = cache.create(title="a").pk
        assert cache.via(pattern).update(pk, title="b").title == "b"
        row = cache.get(pk)
        row.deleted_at = NOON
        row.save()
        assert not list(cache.model.objects.all())
        with pytest.raises(cache.model.DoesNotExist):
            cache.get(pk)
        with pytest.raises(cache.model.DoesNotExist):
            cache.via(pattern).update(pk, title="c")
        assert cache.model.everything.get().title == "b"
