"""The rows that a command is told to work on: a model, and some keys or all."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.chunks import CHUNK, in_chunks

Chunks = Iterator[list[Any]]


def add_arguments(parser: CommandParser, every: str) -> None:
    """Add the arguments that name rows.

    Args:
        every: what --all stands for.
    """
    parser.add_argument("model", metavar="app.Model", help="a registered model, for example users.User")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help=every)
    which.add_argument("--ids", nargs="+", metavar="PK", help="primary keys; - reads them from stdin, one a line")
    parser.add_argument("--using", metavar="ALIAS", help="the database of the rows (default: the one for writes)")


def cache_of(options: dict[str, Any]) -> ModelCache:
    """Return the cache of the model that was named. Raises CommandError if there is none."""
    label = options["model"].lower()
    found = next((each for each in registry.declared() if each.model._meta.label_lower == label), None)
    if found is None:
        labels = ", ".join(each.model._meta.label for each in registry.declared()) or "none at all"
        raise CommandError(f"{options['model']} is not registered. Registered: {labels}.")
    try:
        cache: ModelCache = registry.cache_for(found.model, options["using"])
    except (CachedemoError, ImproperlyConfigured) as error:
        raise CommandError(str(error)) from error
    return cache


def named(cache: ModelCache, ids: Iterable[str]) -> Chunks:
    """Yield the keys that were named, a thousand at a time; of two that are one, one.

    Raises:
        CommandError: one is none; before anything is yielded, unless they come from stdin.
    """
    ids = list(ids)
    keys: Iterable[Any] = [_key(cache, pk) for pk in ids] if ids != ["-"] else _from_stdin(cache)
    return (list(dict.fromkeys(chunk)) for chunk in in_chunks(keys, CHUNK))


def _from_stdin(cache: ModelCache) -> Iterator[Any]:
    return (_key(cache, pk) for line in sys.stdin if (pk := line.strip()))


def _key(cache: ModelCache, pk: str) -> Any:
    try:
        return cache.table.to_pk(pk)
    except ValidationError as error:
        raise CommandError(
            f"{pk!r} is no primary key of {cache.model._meta.label}: {' '.join(error.messages)}"
        ) from error
