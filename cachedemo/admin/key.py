"""One key: what the cache, the queue and the database say of the row, side by side."""

import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from cachedemo import registry
from cachedemo.admin import action_requests
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page, ask
from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import row_state
from cachedemo.operations.row_state import RowState
from cachedemo.protocol import slot_keys, slot_kinds, slots
from cachedemo.protocol.codec import Values
from cachedemo.protocol.slot_kinds import SlotKind
from cachedemo.servers.roles import CACHE

LONGEST_TTL = 86400  # seconds


@dataclass
class Place:
    """Whose slot a key is."""

    key: str
    cache: ModelCache
    version: str
    pk: Any

    @property
    def current(self) -> bool:
        return self.version == self.cache.table.slots.version


@dataclass
class FieldRow:
    """One field in the three places, as JSON values; None where a place has nothing of it."""

    name: str
    cached: Any
    pending: Any
    row: Any
    differs: bool


def page(request: HttpRequest) -> Page:
    key = request.GET.get("key", "")
    asked = ask(CACHE, [("MEMORY USAGE", key), ("TYPE", key)])
    size, kind = asked.answers
    place = place_of(key)
    problems = {"cache": asked.problem} if asked.problem else {}
    context: dict[str, Any] = {"key": key, "size": size, "exists": kind not in (None, b"none"), "place": place}
    if place is not None:
        look = row_state.look_at(place.cache, [place.pk], [key])
        problems |= {name: str(error) for name, error in look.problems.items()}
        context |= _compared(look.rows[place.pk]) | _buttons(request, place)
    return Page("key", key or "Key", context | {"problems": list(problems.values())})


def place_of(key: str) -> Place | None:
    """Return whose slot this is; None if the key is not of our form, or no model's."""
    parts = slot_keys.parts(key)
    for cache in registry.registered():
        if parts and parts[1] == cache.table.slots.name and cache.table.codec.is_pk(parts[2]):
            return Place(key, cache, parts[0], cache.table.codec.to_pk(parts[2]))
    return None


def _compared(found: RowState) -> dict[str, Any]:
    slot, waiting, row = found.slot, found.waiting or {}, found.row
    entry = slot.entry if slot else None
    pending = {name: value for name, (_, value) in waiting.items()}
    return {
        "kind": _name(slot.kind) if slot and slot.body is not None else "",
        "ttl": slot.ttl_ms / 1000 if slot and slot.ttl_ms >= 0 else None,
        "rows": _rows(slot.values if slot else {}, pending, row[1] if row else {}),
        "cached_missing": entry is not None and entry.body is None,
        "waits": bool(pending),
        "row_exists": row is not None,
        "stamps": {"cache": entry.stamp if entry else 0, "database": row[0] if row else 0},
        "pending_stamp": max((stamp for stamp, _ in waiting.values()), default=0),
    }


def _name(kind: SlotKind | None) -> str:
    return kind.name if kind else "not ours"


def _rows(cached: Values, pending: Values, row: Values) -> list[FieldRow]:
    return [_field(name, cached, pending, row) for name in {**row, **cached, **pending}]


def _field(name: str, *places: Values) -> FieldRow:
    """A field differs if two places that know it do not agree."""
    known = [place[name] for place in places if name in place]
    cached, pending, row = (place.get(name) for place in places)
    return FieldRow(name, cached, pending, row, any(value != known[0] for value in known))


def _buttons(request: HttpRequest, place: Place) -> dict[str, action_requests.Button]:
    return {
        "delete": action_requests.button(request, "delete-key", "Delete", place.key),
        "set_ttl": action_requests.button(request, "set-ttl", "Set TTL", place.key),
        "refresh": action_requests.button(request, "refresh-key", "Refresh from the database", place.key),
    }


def _place(shown: dict[str, Any]) -> Place:
    place = place_of(shown["target"])
    if place is None:
        raise Refused(f"The key {shown['target']} is not ours: it is never touched.")
    return place


def _there(place: Place) -> str:
    return f"{reverse('admin:cachedemo_cache_key')}?{urlencode({'key': place.key})}"


@action_requests.action("delete-key", back="keys")
def delete(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the slot; what waits for the row stays."""
    place = _place(shown)
    gone = CACHE.command("UNLINK", place.key)
    words = f"The key {place.key} was deleted." if gone else f"The key {place.key} was gone already."
    return Result(words, {"keys": gone}, _there(place))


@action_requests.action("set-ttl", back="keys")
def set_ttl(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Let a value live for so long from now; a lease or a mark lives as long as its holder may take."""
    place, seconds = _place(shown), request.POST.get("seconds", "")
    if not re.fullmatch("[0-9]{1,5}", seconds) or not 1 <= int(seconds) <= LONGEST_TTL:
        raise Refused(f"A TTL is a whole number of seconds, 1 to {LONGEST_TTL}.")
    slot = CACHE.command("GET", place.key)
    if slot is None:
        raise Refused(f"The key {place.key} is gone.")
    kind = slot_kinds.kind_of(slot) if slots.is_well_formed(slot) else None
    if kind not in (slot_kinds.VALUE, slot_kinds.MISSING):
        raise Refused(f"The key {place.key} is a {_name(kind)} now: it expires by itself.")
    CACHE.command("PEXPIRE", place.key, int(seconds) * 1000)
    return Result(f"The key {place.key} lives {seconds} s from now.", {"seconds": int(seconds)}, _there(place))


@action_requests.action("refresh-key", back="keys")
def refresh(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the slot and read the row, which fills it with what every read returns."""
    place = _place(shown)
    if not place.current:
        raise Refused(f"Version {place.version} is not the one that this process fills.")
    place.cache.table.slots.drop([place.pk], [])
    try:
        place.cache.read(place.pk)
    except ObjectDoesNotExist:
        return Result(f"The database has no row for {place.key}.", {}, _there(place))
    return Result(f"The key {place.key} was loaded from the database.", {"keys": 1}, _there(place))
