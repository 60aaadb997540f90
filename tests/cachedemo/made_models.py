"""A model that is there for one test only, with its table and its cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

import cachedemo
from cachedemo import cache_for
from cachedemo.models import Stamped
from tests.cachedemo.test_cascades import new_models


@contextmanager
def made(
    columns: dict[str, Any], base: type = Stamped, meta: dict[str, Any] | None = None, **options: Any
) -> Iterator[Any]:
    """Yield the cache of a model with these fields, registered with these options."""
    with new_models() as there:
        model = a_class("Made", columns, base, **(meta or {}))
        there.append(model)
        with connection.schema_editor() as editor:
            editor.create_model(model)
        cachedemo.register(model)(type("MadeCache", (cachedemo.ModelCache,), {"fields": "__all__", **options}))
        yield cache_for(model)


def a_class(name: str, columns: dict[str, Any], base: type = Stamped, **meta: Any) -> Any:
    """Return a model of these fields, without a table."""
    inner = type("Meta", (), {"app_label": "notes", **meta})
    attributes: dict[str, Any] = {"__module__": __name__, "Meta": inner, **columns}
    made: type[models.Model] = type(name, (base,), attributes)
    return made
