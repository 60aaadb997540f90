"""Model instances of cached rows, made without `Model.__init__` where nobody would notice.

`Model.__init__` sends two signals and sets the fields one by one, which is most of what an instance costs. A model that
overrides none of what would be called, and whose signals nobody listens to, looks the same without it.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.db import models
from django.db.models.base import ModelState
from django.db.models.fields.files import FieldFile, FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.signals import post_init, pre_init

ROW = "_cachedemo_row"  # in the __dict__ of an instance: names and values as they were loaded
DJANGOS = "_cachedemo_adds_nothing"  # on a `from_db` that makes what Django's makes, and remembers it

# Values of these types cannot change in place, so that keeping the value itself is enough.
_IMMUTABLE = (str, int, float, bool, bytes, type(None))
# What Django itself puts on the class for a column, and what only keeps what it is given, in the __dict__.
_KEEPS_THE_VALUE = (ForeignKeyDeferredAttribute, FileDescriptor)


def remember_row(instance: models.Model, names: Sequence[str], values: Sequence[Any], mutable: Iterable[int]) -> None:
    """Keep what an instance is loaded with; costs a tuple, and a copy of each value that can change in place.

    Args:
        mutable: positions of the values that can.
    """
    instance.__dict__[ROW] = (names, _copied(values, mutable) if mutable else values)


def _copied(values: Sequence[Any], mutable: Iterable[int]) -> list[Any]:
    copied = list(values)
    for position in mutable:
        copied[position] = kept(copied[position])
    return copied


def kept(value: Any) -> Any:
    """Return a value that later changes in place do not reach, and that does not hold the instance itself."""
    if isinstance(value, FieldFile):
        return value.name
    if isinstance(value, memoryview):  # of which there is no copy
        return bytes(value)
    return value if isinstance(value, _IMMUTABLE) else copy.deepcopy(value)


class Instances:
    """Makes the instances of one model from what its slots hold.

    Args:
        names: of the columns that a slot holds, in the model's own order.
        mutable: names of those among them whose values can change in place.
    """

    def __init__(self, model: type[models.Model], names: list[str], mutable: Set[str]) -> None:
        self._model = model
        self._names = names
        self._in_order = itemgetter(*names)
        self._mutable = [position for position, name in enumerate(names) if name in mutable]
        self._makers: dict[str, Callable[[dict[str, Any]], Any]] = {}

    def maker(self, using: str) -> Callable[[dict[str, Any]], Any]:
        """Return what makes an instance of a row of this database, as `from_db` does.

        It takes the values of the columns, and keeps them for the instance; a column that has none is deferred.
        """
        found = self._makers.get(using)
        if found is None:
            found = self._makers[using] = self._without_init(using) if self._can_skip_init else self._by_django(using)
        return found

    def _by_django(self, using: str) -> Callable[[dict[str, Any]], Any]:
        return lambda values: self._model.from_db(using, self._names, self._in_order(values))

    def _without_init(self, using: str) -> Callable[[dict[str, Any]], Any]:
        model, names, in_order, mutable = self._model, self._names, self._in_order, self._mutable
        new, by_django, listens = object.__new__, self._by_django(using), self._somebody_listens

        def make(values: dict[str, Any]) -> Any:
            if (pre_init.receivers or post_init.receivers) and listens():
                return by_django(values)
            row = in_order(values)
            values["_state"] = state = ModelState()
            state.adding = False
            state.db = using
            values[ROW] = (names, _copied(row, mutable) if mutable else row)
            instance = new(model)
            instance.__dict__ = values
            return instance

        return make

    def repeater(self, values: dict[str, Any], using: str) -> Callable[[], Any]:
        """Return what makes instances of one row again and again; its values must be such as cannot change in place."""
        by_django, listens, new, model = self._by_django(using), self._somebody_listens, object.__new__, self._model
        if not self._can_skip_init:
            return lambda: by_django(values)
        made = {**values, ROW: (self._names, self._in_order(values))}

        def make() -> Any:
            if (pre_init.receivers or post_init.receivers) and listens():
                return by_django(values)
            instance, state, own = new(model), ModelState(), made.copy()
            state.adding = False
            state.db = using
            own["_state"] = state
            instance.__dict__ = own
            return instance

        return make

    @cached_property
    def _can_skip_init(self) -> bool:
        """Whether an instance is the same without `__init__`, as far as its class tells."""
        model = self._model
        made_by_django = (
            type(model).__call__ is type.__call__
            and model.__new__ is object.__new__
            and model.__init__ is models.Model.__init__
            and model.__setattr__ is object.__setattr__
            and hasattr(model.from_db, DJANGOS)
        )
        return made_by_django and all(_keeps_the_value(inspect.getattr_static(model, name)) for name in self._names)

    def _somebody_listens(self) -> bool:
        """Whether a receiver wants to know of each new instance; receivers come and go."""
        return pre_init.has_listeners(self._model) or post_init.has_listeners(self._model)


def _keeps_the_value(attribute: Any) -> bool:
    return not hasattr(type(attribute), "__set__") or type(attribute) in _KEEPS_THE_VALUE
