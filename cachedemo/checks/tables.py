"""Whose a registered model's table is, and what else changes its rows: another model, a view's tables, triggers."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections, models, router

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import triggers


@register("cachedemo")
def check_shared_tables(**kwargs: Any) -> list[CheckMessage]:
    """No two models write one table, each past the cache of the other; Django looks at those that it manages only."""
    return [message for cache in registry.declared() for message in _beside(cache)]


def _beside(cache: ModelCache) -> Iterator[CheckMessage]:
    for other in apps.get_models(include_auto_created=True):
        its_cache = registry.find_cache(other)
        if its_cache is cache or other._meta.proxy or _place(other) != _place(cache.model):
            continue
        both = f"{cache.model._meta.label} and {other._meta.label} have one table, {other._meta.db_table}"
        if its_cache is None:
            yield Warning(
                f"{both}: what is written as {other._meta.label}, which is not registered, bypasses the cache.",
                hint="Make it a proxy of the registered one, whose cache it has then. Silence this if nobody writes.",
                obj=other,
                id="cachedemo.W036",
            )
        elif cache.model._meta.label < other._meta.label:
            yield Error(
                f"{both}, and each a cache of its own: a row would have two slots.",
                hint="Register one of them, and make the other a proxy of it.",
                obj=other,
                id="cachedemo.E025",
            )


def _place(model: type[models.Model]) -> tuple[str, str]:
    return router.db_for_write(model), model._meta.db_table


@register(Tags.database)
def check_tables(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A table, and not a view, which shows everybody the same rows; and the registration says what its triggers do."""
    return [message for alias in databases or () for message in _of_database(alias)]


def _of_database(alias: str) -> Iterator[CheckMessage]:
    caches = [cache for cache in registry.known() if cache.table.using == alias]
    try:
        views = _views(alias) if caches else set()
        for cache in caches:
            if cache.model._meta.db_table in views:
                yield _view(cache)
            if _hides_rows(cache):
                yield _policies(cache)
            if cache.triggers is None and (found := triggers.names(cache.table)):
                yield _unspoken_of(cache, found)
    except DatabaseError:
        return  # said by the check of the databases


def _views(alias: str) -> set[str]:
    connection = connections[alias]
    with connection.cursor() as cursor:
        return {each.name for each in connection.introspection.get_table_list(cursor) if each.type == "v"}


def _view(cache: ModelCache) -> CheckMessage:
    return Warning(
        f"{cache.model._meta.label} is a view: what writes the tables that it shows bypasses its cache, whose readers "
        f"see the old rows until these expire.",
        hint="Register the models of the tables, or evict rows of the view when they change. Silence this if "
        "`timeout` is short enough.",
        obj=cache.model,
        id="cachedemo.W035",
    )


def _hides_rows(cache: ModelCache) -> bool:
    """Whether the table has row-level security, which may show each role, or each request, other rows."""
    connection = connections[cache.table.using]
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(cache.model._meta.db_table)
        cursor.execute("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)", [name])
        return any(found for (found,) in cursor.fetchall())


def _policies(cache: ModelCache) -> CheckMessage:
    return Warning(
        f"The table of {cache.model._meta.label} has row-level security: what a policy hides from one role, or in one "
        f"request, the cache shows to everybody, and a row that is hidden from a worker counts as deleted, with what "
        f"waits for it.",
        hint="Register no model whose rows are hidden from some requests. Silence this if the policies show all rows "
        "to every role that the web processes and workers have.",
        obj=cache.model,
        id="cachedemo.W038",
    )


def _unspoken_of(cache: ModelCache, found: Sequence[str]) -> CheckMessage:
    return Warning(
        f"The table of {cache.model._meta.label} has triggers, and the registration does not say whether they change "
        f"its rows, so that a cached row may lack what they do: {', '.join(found)}.",
        hint="Set triggers = True in the registration, or False if they change no cached field of this table.",
        obj=cache.model,
        id="cachedemo.W037",
    )
