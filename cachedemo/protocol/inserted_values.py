"""What an INSERT sends of fields whose own `pre_save` makes the value: known when the statement is made, not before.

An UPDATE of Django's hands its values in. Of an INSERT only the compiler asks for them, once for each field and row, so
it is given fields that note what they have answered, and that refuse what no read could show.
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import models

from cachedemo.protocol import unmigrated
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.field_classes import makes_its_value
from cachedemo.protocol.round_trips import try_assigned

M = TypeVar("M", bound=models.Model)
Note = Callable[[Any, str, Any], None]  # takes the instance, the attname and the value that is sent


def watched(codec: Codec, fields: Iterable[Any], note: Note | None = None) -> list[Any]:
    """Return the fields of an INSERT; a cached one that makes its value tries it, and notes it, as soon as it is made.

    Asking it twice would not do: such a method stores a file, draws a number, looks for a free slug.
    """
    return [_watched(codec, field, note) if _is_looked_at(codec, field) else field for field in fields]


def _is_looked_at(codec: Codec, field: Any) -> bool:
    return field.attname in codec.fields and makes_its_value(field) and "pre_save" not in vars(field)


def _watched(codec: Codec, field: Any, note: Note | None) -> Any:
    def pre_save(instance: Any, add: bool) -> Any:
        value = field.pre_save(instance, add)
        try_assigned(codec.own_codecs, [(field, value)])
        if note is not None:
            note(instance, field.attname, value)
        return value

    found = copy.copy(field)
    found.pre_save = pre_save
    return found


class InsertingQuerySet(models.QuerySet[M]):
    """Django's own, whose `bulk_create()` looks at what it sends.

    Attributes:
        codec: of the model's cache; None for Django's own and nothing else.
    """

    codec: Codec | None = None
    note: Note | None = None

    def _insert(self, objs: Any, fields: Any, **options: Any) -> Any:
        using = options.get("using") or self.db  # the router need not be asked, nor may it be
        fields = unmigrated.columns_there(fields, using, lambda field: field)
        if self.codec is not None and not options.get("raw"):
            fields = watched(self.codec, fields, self.note)
        return super()._insert(objs, fields=fields, **options)  # type: ignore[misc]

    _insert.alters_data = True  # type: ignore[attr-defined]
    _insert.queryset_only = False  # type: ignore[attr-defined]
