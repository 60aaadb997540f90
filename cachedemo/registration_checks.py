"""What is wrong with a registration, found when it is made and not at somebody's request."""

import difflib
import re
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


def check(cache: ModelCache) -> None:
    """Raise ImproperlyConfigured for a key without a text, or the first option that is invalid, with the fix."""
    for name, why in _problems(cache):
        value = getattr(cache, name, None)
        raise ImproperlyConfigured(f"{cache.model._meta.label} cannot be registered with {name} = {value!r}: {why}.")
    cache.table.codec.find_conversions()


def _problems(cache: ModelCache) -> list[tuple[str, str]]:
    wrong = [(name, "a number of seconds above 0") for name in SECONDS if not _is_positive(getattr(cache, name))]
    wrong += [(name, "a whole number from 1 on") for name in NUMBERS if not _is_whole(getattr(cache, name))]
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
    if not (type(cache.replicas) is int and cache.replicas >= 0):
        wrong.append(("replicas", "a whole number from 0 on"))
    if not (_is_whole(cache.queue_shards) and cache.queue_shards <= shards.MOST):
        wrong.append(("queue_shards", f"a whole number from 1 to {shards.MOST}"))
    if cache.near is not None and not (_is_positive(cache.near) and cache.near >= SHORTEST):
        wrong.append(("near", f"None, or a number of seconds from {SHORTEST} on"))
    names: Any = cache.lookups
    if not isinstance(names, list | tuple):
        wrong.append(("lookups", "a list of names"))
    else:
        reasons = [lookup_fields.why_not(cache.table.codec, name) for name in names]
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
    return type(value) in (int, float) and value > 0


def _is_below_timeout(seconds: Any) -> bool:
    """The queue must have answered before its socket gives it up."""
    return _is_positive(seconds) and seconds < conf.get_valid("TIMEOUT")


def _is_whole(value: Any) -> bool:
    return type(value) is int and value >= 1


def _misspelt(declared: type[ModelCache]) -> list[tuple[str, str]]:
    """Return the attributes that are no option but look like one, with that option."""
    options = [name for name in ModelCache.__annotations__ if not name.startswith("_")]
    own = [name for name in vars(declared) if not hasattr(ModelCache, name) and not name.startswith("_")]
    found = [(name, difflib.get_close_matches(name, options, n=1, cutoff=0.8)) for name in own]
    return [(name, close[0]) for name, close in found if close]
