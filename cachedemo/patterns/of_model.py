"""The model of a cache, for type checkers: `ModelCache[User]` hands out users."""

from typing import TYPE_CHECKING, Any

from django.db import models

# The model of a cache. Where a project names none, as in `class UserCache(ModelCache)`, its instances are Any.
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    M = TypeVar("M", bound=models.Model, default=Any)
else:
    from typing import TypeVar

    M = TypeVar("M", bound=models.Model)  # the default is for type checkers: Python's own came with 3.13
