"""What is wrong with a registration, found when it is made and not at somebody's request."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from cachedemo import conf
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern
from cachedemo.patterns.saving import MERGE, REFUSE
from cachedemo.protocol import lookup_fields, shards, slot_keys
from cachedemo.protocol.manager_conditions import why_not_counted
from cachedemo.protocol.near import SHORTEST

SECONDS = ("timeout", "missing_timeout", "lease_timeout", "claim_deadline")
NUMBERS = ("batch_size", "max_attempts", "max_pending")
MOST = 10**9  # of all of these: no server has a word for "without end"
NAMES = 'a list of names, or "__all__"'
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "letters, digits and . _ - only"),
    "queue": ((str, type(None)), "None, or the name of a list"),
    "fields": ((list, tuple), NAMES),  # their order is that of the values in a body
    "codecs": ((Mapping,), "a dict, the name of a cached field -> (to_json, from_json)"),
    "manager": ((str, type(None)), "None, or the name of a manager"),
    "lookups": ((list, tuple), "a list of names"),
}


def check_model(model: Any) -> None:
    """Raise ImproperlyConfigured if the rows of such a model cannot be cached, with the fix."""
    meta = model._meta
    why = None
    if meta.abstract:
        why = "it is abstract and has no table: register the models that inherit from it"
    elif meta.proxy:
        why = f"it is a proxy: register {meta.concrete_model._meta.label}, whose cache its rows and writes concern"
    elif meta.swapped:
        why = f"it is swapped for {meta.swapped}: register that"
    elif meta.parents:
        parents = " or ".join(parent._meta.label for parent in meta.parents)
        why = (
            f"its rows are in two tables, and no statement writes both: register {parents}, whose cache its writes "
            f"concern, or let it inherit from an abstract model"
        )
    elif not isinstance(meta.pk, models.Field) or meta.pk.column is None:
        names = ", ".join(field.name for field in getattr(meta.pk, "fields", ()))
        why = (
            f"its primary key is a {type(meta.pk).__name__}, and no text names its rows: give it a key of one column "
            f"and make ({names}) a UniqueConstraint"
        )
    if why is not None:
        raise ImproperlyConfigured(f"{meta.label} cannot be registered: {why}.")


def check_types(declared: type[ModelCache], model: Any) -> None:
    """Raise ImproperlyConfigured for the first option that no cache can be made of, with the fix."""
    for name, why in _unfit(declared):
        raise _invalid(model, name, getattr(declared, name), why)


def check(cache: ModelCache) -> None:
    """Raise ImproperlyConfigured for a key without a text, or the first option that is invalid, with the fix."""
    for name, why in _problems(cache):
        raise _invalid(cache.model, name, getattr(cache, name, None), why)
    cache.table.codec.find_conversions()


def _invalid(model: Any, name: str, value: Any, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{model._meta.label} cannot be registered with {name} = {value!r}: {why}.")


def _unfit(declared: type[ModelCache]) -> Iterator[tuple[str, str]]:
    options = {name: getattr(declared, name) for name in (*TYPES, *SECONDS, *NUMBERS, "replicas")}
    plain = {name: value for name, value in options.items() if not hasattr(value, "__get__")}  # no property
    for name, (kinds, why) in TYPES.items():
        if name in plain and not (isinstance(plain[name], kinds) or (why == NAMES and plain[name] == "__all__")):
            yield name, why
    yield from _wrong_numbers(plain)


def _wrong_numbers(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if name in SECONDS and not _is_positive(value):
            yield name, "a number of seconds above 0"
        if name in NUMBERS and not _is_whole(value):
            yield name, "a whole number from 1 on"
        if name == "replicas" and not (type(value) is int and 0 <= value <= MOST):
            yield name, "a whole number from 0 on"


def _problems(cache: ModelCache) -> list[tuple[str, str]]:
    wrong = list(_wrong_numbers({name: getattr(cache, name) for name in (*SECONDS, *NUMBERS, "replicas")}))
    if not re.fullmatch(r"[\w.-]+", cache.name):  # it stands in keys, SCAN patterns and URLs
        wrong.append(("name", "letters, digits and . _ - only"))
    if not re.fullmatch(slot_keys.VERSION, str(cache.version)):
        wrong.append(("version", "a whole number from 0 on"))
    if re.search(r"[{}@#\s]", cache.queue or ""):
        wrong.append(("queue", "no braces, no @, no # and no white space in it"))
    if not cache.table.codec.fields:
        wrong.append(("fields", "name the fields to cache"))
    if not all(_is_codec(cache, name) for name in cache.codecs):
        wrong.append(("codecs", "the name of a cached field -> (to_json, from_json), two functions"))
    if cache.fsync_within is not None and not _is_below_timeout(cache.fsync_within):
        wrong.append(("fsync_within", f"None, or less than CACHEDEMO['TIMEOUT'], {conf.get('TIMEOUT')} seconds"))
    if not (_is_whole(cache.queue_shards) and cache.queue_shards <= shards.MOST):
        wrong.append(("queue_shards", f"a whole number from 1 to {shards.MOST}"))
    if cache.near is not None and not (_is_positive(cache.near) and cache.near >= SHORTEST):
        wrong.append(("near", f"None, or a number of seconds from {SHORTEST} on"))
    reasons = [lookup_fields.why_not(cache.table.codec, name) for name in cache.lookups]
    wrong += [("lookups", why) for why in reasons if why]
    if cache.pattern not in list(Pattern):
        wrong.append(("pattern", f"one of {', '.join(Pattern)}"))
    if cache.manager is not None and (
        why := why_not_counted(cache.model, cache.manager, cache.using, cache.table.codec)
    ):
        wrong.append(("manager", why))
    if cache.triggers not in (None, True, False):
        wrong.append(("triggers", "True, False or None"))
    if cache.stale_saves not in (MERGE, REFUSE):
        wrong.append(("stale_saves", f"{MERGE!r} or {REFUSE!r}"))
    return wrong + [(name, f"is it {option}?") for name, option in _misspelt(type(cache))]


def _is_codec(cache: ModelCache, name: str) -> bool:
    codec, pair = cache.table.codec, cache.codecs[name]
    known = name in {field.name for field in (codec.pk, *codec.fields.values())}
    return known and isinstance(pair, tuple) and len(pair) == 2 and all(map(callable, pair))


def _is_positive(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= MOST


def _is_below_timeout(seconds: Any) -> bool:
    """The queue must have answered before its socket gives it up."""
    return _is_positive(seconds) and seconds < conf.get_valid("TIMEOUT")


def _is_whole(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MOST


def _misspelt(declared: type[ModelCache]) -> list[tuple[str, str]]:
    """Return the attributes that are no option but look like one, with that option."""
    options = [name for name in ModelCache.__annotations__ if not name.startswith("_")]
    own = [name for name in vars(declared) if not hasattr(ModelCache, name) and not name.startswith("_")]
    found = [(name, difflib.get_close_matches(name, options, n=1, cutoff=0.8)) for name in own]
    return [(name, close[0]) for name, close in found if close]
