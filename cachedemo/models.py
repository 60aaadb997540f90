"""The one column that a cached model needs, and what keeps a stale instance from being saved over it."""

from typing import Any

from django.db import models

from cachedemo.exceptions import StaleInstance
from cachedemo.patterns.save_state import WRITE, Guard, committed, remember, seen_by
from cachedemo.protocol import database
from cachedemo.protocol.codec import STAMP
from cachedemo.registry import find_cache

# Nothing was written for certain; after any other error the mark stays until it expires or is worked off.
_NOTHING_WRITTEN = (*database.REFUSALS, StaleInstance)


class Stamped(models.Model):
    """A model whose rows remember the stamp of the last write that reached them.

    Inherit from it to register a model with `cachedemo.register`. `cache_stamp` holds microseconds since the
    epoch, handed out by the queue and strictly increasing; 0 means that no write through the cache ever reached
    the row. Never set it by hand.

    `save()` raises StaleInstance, and writes nothing, if the row has been written since the instance was loaded:
    refuse rather than lose.
    """

    cache_stamp = models.BigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save as Django does, the stamp along with whatever fields are named.

        If that is refused before anything was written, the instance and the cache are as they were.
        """
        if kwargs.get("update_fields"):
            kwargs["update_fields"] = frozenset({*kwargs["update_fields"], STAMP})
        try:
            super().save_base(*args, **kwargs)
        except Exception as error:
            guard = self.__dict__.pop(WRITE, None)
            if isinstance(guard, Guard) and not guard.written and isinstance(error, _NOTHING_WRITTEN):
                self.cache_stamp = guard.own
                guard.write.restore()
            raise

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Reload as Django does; a part that is reloaded may be older than what the rest has seen."""
        cache = find_cache(type(self))
        if fields is None or cache is None or not cache.table.codec.has_any(fields):
            super().refresh_from_db(using, fields, from_queryset)
            if fields is None:
                committed(self)
            return
        stamp, seen = self.__dict__.get(STAMP, 0), seen_by(self)
        super().refresh_from_db(using, [*fields, STAMP], from_queryset)
        remember(self, min(seen, self.cache_stamp))
        self.cache_stamp = stamp

    def _save_table(self, *args: Any, **kwargs: Any) -> Any:
        saved = super()._save_table(*args, **kwargs)  # type: ignore[misc]
        guard = self.__dict__.get(WRITE)
        if isinstance(guard, Guard):
            guard.written = True
        return saved

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        guard = self.__dict__.get(WRITE)
        if not isinstance(guard, Guard) or base_qs.model is not guard.write.table.model:
            return super()._do_update(base_qs, *args, **kwargs)
        seen = models.Q(cache_stamp__lte=guard.seen) | models.Q(cache_stamp=guard.own)
        updated = super()._do_update(base_qs.filter(seen), *args, **kwargs)
        if not updated and base_qs.filter(pk=self.pk).exists():
            raise StaleInstance(
                f"{self!r} was written by somebody else since this instance was loaded: load it again and save that, "
                f"or name what changes with cache_for({type(self).__name__}).update({self.pk!r}, ...)."
            )
        if not updated and not self._state.adding:  # Django would insert it again
            raise StaleInstance(
                f"{self!r} was deleted since this instance was loaded, and stays deleted. To insert a copy of it, set "
                f"`_state.adding = True` on it first."
            )
        return updated


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
