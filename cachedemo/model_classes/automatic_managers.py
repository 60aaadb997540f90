"""Where `CachedManager` is put: in the place of the managers that Django makes by itself, and of no other.

Reverse managers and `SET_NULL` write by `_base_manager`, and most code by `objects`. A project's own managers stay as
they are, in their order, and so do its migrations.
"""

from typing import Any

from django.db import models
from django.db.models.manager import ManagerDescriptor
from django.db.models.options import Options

from cachedemo.managers import CachedManager


def replace(model: type[models.Model]) -> None:
    """Let the automatic managers of a registered model, a proxy or a child of it take the steps."""
    _place_base_manager(model)
    _place_objects(model)


def _place_base_manager(model: type[models.Model]) -> None:
    meta: Any = model._meta
    if type(meta.base_manager) is not models.Manager or not meta.base_manager.auto_created:
        return
    meta.__dict__["base_manager"] = _manager(model, "_base_manager")
    # Django makes it anew whenever it forgets what it has computed about a model; ours is to stay.
    meta.FORWARD_PROPERTIES = Options.FORWARD_PROPERTIES - {"base_manager"}


def _place_objects(model: type[models.Model]) -> None:
    meta: Any = model._meta
    for position, manager in enumerate(meta.local_managers):
        if type(manager) is models.Manager and manager.auto_created:
            placed = _manager(model, manager.name)
            placed.creation_counter = manager.creation_counter
            meta.local_managers[position] = placed
            setattr(model, manager.name, ManagerDescriptor(placed))
            meta._expire_cache()


def _manager(model: type[models.Model], name: str) -> Any:
    manager: Any = CachedManager()
    manager.model, manager.name, manager.auto_created = model, name, True
    return manager
