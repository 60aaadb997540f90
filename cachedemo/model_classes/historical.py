"""The models that migrations see (`apps.get_model()` in a `RunPython`) count as the registered model they once were.

Django makes such a class from what the migrations say, without the project's own base classes and managers. It gets
what makes a save lose nothing, and a table that knows the columns of that time.
"""

import copy
import functools
from collections.abc import Callable
from typing import Any

from django.db import models

from cachedemo.model_cache import ModelCache
from cachedemo.models import Stamped
from cachedemo.protocol.cached_table import HistoricalTable
from cachedemo.protocol.codec import STAMP, Codec


def is_historical(model: type[models.Model]) -> bool:
    """Whether Django has made this class for a migration."""
    return model.__module__ == "__fake__"


def has_the_stamp(model: Any) -> bool:
    """Whether the model had `cache_stamp` already."""
    return any(field.attname == STAMP for field in model._meta.local_concrete_fields)


def cache_maker(model: Any) -> Callable[[ModelCache], ModelCache]:
    """Return what makes a historical model's cache of the registered one, for each database."""
    return functools.cache(functools.partial(_historical_cache, model))


def _historical_cache(model: Any, cache: ModelCache) -> ModelCache:
    columns = {field.attname: field.name for field in model._meta.local_concrete_fields}
    fields = [columns[attname] for attname in cache.table.codec.fields if attname in columns]
    codec = Codec(model, fields, cache.codecs, cache.using)
    historical = copy.copy(cache)
    historical.model = model
    historical.table = HistoricalTable(cache.table, model, codec)
    return historical


def give_steps(model: Any) -> None:
    """Let `save()` of a historical model take the steps."""
    if not issubclass(model, Stamped):
        model.__bases__ = (Stamped, *model.__bases__)
