"""What an instance carries from one save to the next: the values that it was loaded with, or saved since."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple

from cachedemo.patterns.expressions import is_expression
from cachedemo.protocol import aliases
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.instances import ROW, kept
from cachedemo.protocol.on_commit import Finish

_LOADED = "_cachedemo_loaded"  # in the __dict__ of an instance: its ROW as a dict, once a save has asked for it
_SAVES = "_cachedemo_saves"  # what was loaded before each save whose transaction has not committed yet

Loaded = dict[str, Any]  # attname -> Python value


class _Save(NamedTuple):
    """A save that may still be rolled back: then the instance is as it was loaded before."""

    finish: Finish
    using: str
    names: Set[str]  # of the fields that it wrote
    before: Loaded | None


def is_remembered(instance: Any) -> bool:
    """Whether its row as it was loaded is kept."""
    return ROW in instance.__dict__


def shown(instance: Any, table: CachedTable) -> dict[str, Any]:
    """Return what the instance shows of its cached fields and its key, but for what the database computes."""
    names = (table.codec.pk.attname, *table.codec.fields)
    values = {name: instance.__dict__[name] for name in names if name in instance.__dict__}
    return {name: value for name, value in values.items() if not is_expression(value)}


def loaded_by(instance: Any, using: str) -> Loaded | None:
    """Return the values that this instance was loaded with from that database; None if it never was."""
    if instance._state.adding or not aliases.holds_the_row(instance, using) or has_another_key(instance):
        return None
    return _as_dict(instance.__dict__)


def has_another_key(instance: Any) -> bool:
    """Whether the instance was loaded or saved with another primary key than it has now: it is another row's then."""
    loaded = _as_dict(instance.__dict__) or {}
    return bool(loaded.get(instance._meta.pk.attname, instance.pk) != instance.pk)


def has_had_a_row(instance: Any, using: str) -> bool:
    """Whether that database had its row when the instance was loaded or saved; not if that was rolled back."""
    is_of_there = aliases.holds_the_row(instance, using)
    return is_of_there and _as_dict(instance.__dict__) is not None and not has_another_key(instance)


def forget(instance: Any) -> None:
    """Forget what the instance was loaded with: it is a copy in another database now, even after a rollback."""
    for name in (ROW, _LOADED, _SAVES):
        instance.__dict__.pop(name, None)


def _as_dict(state: dict[str, Any]) -> Loaded | None:
    _take_back_saves(state)
    raw = state.pop(ROW, None)
    if raw is not None:
        state[_LOADED] = dict(zip(*raw, strict=False))
    loaded: Loaded | None = state.get(_LOADED)
    return loaded


def _take_back_saves(state: dict[str, Any]) -> None:
    """Forget saves that were rolled back, the last first, and that there were any once they are committed."""
    saves: list[_Save] = list(state.pop(_SAVES, []))  # a copy of the instance may have the same list
    while saves and not saves[-1].finish.done:
        if saves[-1].finish.may_commit():
            state[_SAVES] = saves
            return
        state[_LOADED] = saves.pop().before


def reloaded(instance: Any, names: Iterable[str]) -> None:
    """Count what these fields show now as loaded: it has just been read from the database.

    What the transaction has saved of them is the instance's own change again if that is rolled back.
    """
    shown = {name: instance.__dict__[name] for name in names if name in instance.__dict__}
    _count_as_loaded(instance.__dict__, shown, own=True)


def carried(instance: Any, shown: Mapping[str, Any]) -> None:
    """Count what a save has carried, and the instance shows now, as loaded: it is no change of the instance's own.

    A rollback does not make it one, or a second try would write it over what is newer by then. Fields that show
    what an earlier save in the transaction wrote are its own change, and stay that.
    """
    loaded = _as_dict(instance.__dict__) or {}
    others = {name: value for name, value in shown.items() if loaded.get(name, ROW) != value}
    _count_as_loaded(instance.__dict__, others, own=False)


def _count_as_loaded(state: dict[str, Any], shown: Mapping[str, Any], *, own: bool) -> None:
    """Count values as loaded, now and after a rollback.

    Args:
        own: whether they may be what a save under way has written: then they do not count after its rollback.
    """
    values = {name: kept(value) for name, value in shown.items()}
    state[_LOADED] = (_as_dict(state) or {}) | values
    saves: list[_Save] = []
    for save in reversed(state.pop(_SAVES, [])):
        values = {name: value for name, value in values.items() if not (own and name in save.names)}
        saves.insert(0, save if save.before is None else save._replace(before=save.before | values))
    if saves:
        state[_SAVES] = saves


def saved(instance: Any, written: Mapping[str, Any], finish: Finish, using: str, computed: Iterable[str] = ()) -> None:
    """Count these values (attname -> value) as loaded, unless their transaction is rolled back.

    Args:
        computed: names of the fields that it wrote too, and of which only the database knows the values.
    """
    state = instance.__dict__
    before = _as_dict(state)
    state[_LOADED] = (before or {}) | {name: kept(value) for name, value in written.items()}
    if not finish.done:
        state[_SAVES] = [*state.get(_SAVES, []), _Save(finish, using, {*written, *computed}, before)]
