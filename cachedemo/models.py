"""The one column that a cached model needs, and what makes its `save()` lose nothing; the operators' permissions."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, models

# Not used here: mypy's Django plugin knows `objects` of a registered model only where its module imports it.
from cachedemo.managers import CachedManager  # noqa: F401
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import latency, save_state
from cachedemo.patterns.saving import Save
from cachedemo.protocol import aliases, on_commit, unmigrated
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.inserted_values import watched
from cachedemo.protocol.instance_notes import note_of, noted
from cachedemo.protocol.instances import DJANGOS, remember_row
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.synchronous import WRITE
from cachedemo.registry import find_cache

# What is noted of an instance that is being saved.
_WHOLE = "whole"  # its save() was called without update_fields
_SAVE = "save"  # the save of one of its tables that is under way


class _StampField(models.BigIntegerField):
    """A stamp, which is 0 where an INSERT does not name it: one of another program, or of a release without cachedemo.

    Migrations call it what it is in the database, so that none of them needs cachedemo.
    """

    db_returning = False  # our own INSERTs name it, and a table may not have it yet

    def deconstruct(self) -> Any:
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.BigIntegerField", arguments, options


class Stamped(models.Model):
    """A model whose rows remember the stamp of the last write that reached them.

    Inherit from it to register a model with `cachedemo.register`. `cache_stamp` holds microseconds since the
    epoch, handed out by the queue and strictly increasing; 0 means that no write through the cache ever reached
    the row. Never set it by hand.

    `save()` is Django's own, and loses no acknowledged write: see `stale_saves` of `ModelCache`.
    """

    cache_stamp: "models.BigIntegerField[int, int]" = _StampField(default=0, db_default=0, editable=False)

    class Meta:
        abstract = True

    def __init_subclass__(cls, **options: Any) -> None:
        """Remember what is loaded by a `from_db` of the project's own, too, which need not call ours."""
        super().__init_subclass__(**options)
        from_db: Any = cls.from_db.__func__  # type: ignore[attr-defined]
        if from_db is not Stamped.from_db.__func__ and not hasattr(from_db, "remembers"):  # type: ignore[attr-defined]
            cls.from_db = classmethod(_remembering(from_db))  # type: ignore[assignment, method-assign]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save as Django does. Whether that is whole is decided here: Django names the fields of a deferred row."""
        update_fields = args[3] if len(args) > 3 else kwargs.get("update_fields")
        with noted(self, _WHOLE, update_fields is None):
            super().save(*args, **kwargs)

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **options: Any) -> Any:
        """Make an instance of a row as Django does, and keep what it was loaded with."""
        instance = super().from_db(db, field_names, values, **options)
        _remember(instance, field_names, values)
        return instance

    setattr(from_db.__func__, DJANGOS, True)  # type: ignore[attr-defined]

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Reload as Django does; what is reloaded counts as loaded."""
        given = None if fields is None else list(fields)
        before = self._state.db
        super().refresh_from_db(using, given, from_queryset)
        if not aliases.are_one(type(self), before, self._state.db):
            save_state.forget(self)
        read: Sequence[models.Field[Any, Any]] = self._meta.concrete_fields
        if given is not None:
            read = [field for field in read if not {field.name, field.attname}.isdisjoint(given)]
        elif from_queryset is not None and (mask := from_queryset.query.get_select_mask()):
            read = [field for field in read if field in mask]
        save_state.reloaded(self, [field.attname for field in read])

    def _save_table(
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: bool = False,
        force_update: bool = False,
        using: Any = None,
        update_fields: Any = None,
    ) -> Any:
        cache = find_cache(cls, using)
        if cache is None or cls is not cache.model or _is_created(self, cache):
            return self._save_without_steps(cache, raw, cls, force_insert, force_update, using, update_fields)
        whole = note_of(self, _WHOLE)
        whole = update_fields is None if whole is None else whole  # save_base() alone, as loaddata calls it
        save = Save(cache.table, self, using, whole=whole, stale_saves=cache.stale_saves)
        with latency.measured_as(latency.SAVE):
            with noted(self, _SAVE, save):
                saved = super()._save_table(raw, cls, force_insert, force_update, using, update_fields)  # type: ignore[misc]
            save.end()
        return saved

    def _save_without_steps(self, cache: Any, *arguments: Any) -> Any:
        """Save a model that has none, or a row whose steps `create` takes: until its finish, reads see the database."""
        saved = super()._save_table(*arguments)  # type: ignore[misc]
        if cache is not None and _is_created(self, cache):
            finish = Finish(cache.table, [self.pk], lambda: None)
            on_commit.finish_first(cache.table.using, finish)
            save_state.saved(self, save_state.shown(self, cache.table), finish, cache.table.using)
        return saved

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, update_fields: Any, *rest: Any, **named: Any
    ) -> Any:
        """Send the UPDATE. A project's own, which may hand in fewer rows, calls it as Django's, by names or not."""
        save: Save | None = note_of(self, _SAVE)
        plain = super()._do_update
        if save is None:
            values = unmigrated.columns_there(values, using, lambda value: value[0])
            return plain(base_qs, using, pk_val, values, update_fields, *rest, **named)

        def send(rows: Any, assigned: Any) -> Any:
            return plain(rows, using, pk_val, assigned, update_fields, *rest, **named)

        updated = save.update(send, base_qs, values)
        # A row that it never had is inserted, and one that is still there was kept from the save by the project.
        if not updated and not self._state.adding and save_state.has_had_a_row(self, using) and not save.is_there():
            gone: type[DatabaseError] = getattr(self, "NotUpdated", DatabaseError)
            raise gone(
                f"{self!r} was deleted since it was loaded, and stays deleted. To insert a copy of it, set "
                f"`_state.adding = True` on it first."
            )
        return updated

    def _do_insert(self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: bool) -> Any:
        save: Save | None = note_of(self, _SAVE)
        plain = super()._do_insert  # type: ignore[misc]

        def send(sent: Any) -> Any:
            return plain(manager, using, sent, returning_fields, raw)

        if save is not None:
            return save.insert(send, fields, raw=raw)
        write: DatabaseWrite | None = note_of(self, WRITE)
        fields = unmigrated.columns_there(fields, using, lambda field: field)
        return send(fields if write is None else watched(write.table.codec, fields))


def _remember(instance: models.Model, field_names: Any, values: Any) -> None:
    cache = find_cache(type(instance))
    if cache is not None:
        remember_row(instance, field_names, values, cache.table.codec.mutable(field_names))


def _remembering(from_db: Callable[..., Any]) -> Callable[..., Any]:
    """Return a project's own `from_db` so that what it loads is remembered.

    Without that a whole save would write every field, and put back what others have written since.
    """

    @functools.wraps(from_db)
    def remembering(cls: Any, db: str | None, field_names: Any, values: Any, **options: Any) -> Any:
        names, as_loaded = tuple(field_names), tuple(values)
        instance = from_db(cls, db, field_names, values, **options)
        if not save_state.is_remembered(instance):
            _remember(instance, names, as_loaded)
        return instance

    remembering.remembers = True  # type: ignore[attr-defined]
    return remembering


def _is_created(instance: models.Model, cache: ModelCache) -> bool:
    """Whether `create` is under way for it in this database; a receiver may save it to another."""
    write: DatabaseWrite | None = note_of(instance, WRITE)
    return write is not None and write.table.using == cache.table.using


class Cache(models.Model):
    """No table: what the operators' pages in the Django admin hang their permissions on."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_cache", "Can see the cache's pages"),
            ("inspect_keys", "Can see and change single keys and their values"),
            ("delete_version", "Can delete a version's keys"),
            ("manage_queue", "Can flush, pause and resume the queue, and deal with dead letters"),
            ("flush_db", "Can empty the cache database with FLUSHDB"),
        ]
        verbose_name = verbose_name_plural = "cache"

    def __str__(self) -> str:
        return "cache"
