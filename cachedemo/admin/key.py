"""One key: what the cache, the queue and the database say of the row, side by side. Its buttons: `key_actions.py`."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests
from cachedemo.admin.page import Page, ask
from cachedemo.model_cache import ModelCache
from cachedemo.operations import row_state
from cachedemo.operations.row_state import RowState
from cachedemo.protocol import slot_keys
from cachedemo.protocol.codec import Values
from cachedemo.protocol.hint_slots import pk_text
from cachedemo.protocol.increments import over
from cachedemo.protocol.slot_kinds import SlotKind
from cachedemo.servers.roles import CACHE


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
    context["hint_of"] = hint_of(key, problems) if place is None else None
    if place is not None:
        look = row_state.look_at(place.cache, [place.pk], [key])
        problems |= {name: str(error) for name, error in look.problems.items()}
        context |= _compared(place.cache, look.rows[place.pk]) | _buttons(request, place)
    context["unknown"] = set(problems)  # what does not answer is not empty
    return Page("key", key or "Key", context | {"problems": list(problems.values())})


def place_of(key: str) -> Place | None:
    """Return whose slot this is; None if the key is not of our form, or no model's."""
    parts = slot_keys.parts(key)
    for cache in registry.registered():
        if parts and parts[1] == cache.table.slots.name and cache.table.codec.is_pk(parts[2]):
            return Place(key, cache, parts[0], cache.table.codec.to_pk(parts[2]))
    return None


def hint_of(key: str, problems: dict[str, str]) -> str | None:
    """Return the key of the row that a hint names, empty where it names none; None if it is no hint of ours."""
    parts = slot_keys.parts(key)
    for cache in registry.registered():
        if parts and parts[1] in {hints.name for hints in cache.table.hints.values()}:
            asked = ask(CACHE, [("GET", key)])
            problems |= {"cache": asked.problem} if asked.problem else {}
            text = pk_text(asked.answers[0] if isinstance(asked.answers[0], bytes) else None)
            return "" if text is None else cache.table.slots.key(text, parts[0])
    return None


def _compared(cache: ModelCache, found: RowState) -> dict[str, Any]:
    slot, waiting, row = found.slot, found.waiting or {}, found.row
    entry = slot.entry if slot else None
    stamp, values = row or (0, {})
    pending = {name: over(value, values.get(name), stamp) for name, (_, value) in waiting.items()}
    return {
        "kind": kind_name(slot.kind) if slot and slot.body is not None else "",
        "ttl": slot.ttl_ms / 1000 if slot and slot.ttl_ms >= 0 else None,
        "rows": _rows(slot.values if slot else {}, pending, row[1] if row else {}),
        "cached_missing": entry is not None and entry.body is None,
        "waits": bool(pending),
        "row_exists": row is not None,
        "hidden": row is not None and not cache.table.shows(cache.table.codec.overlay(row[1], row[0], waiting)),
        "stamps": {"cache": entry.stamp if entry else 0, "database": row[0] if row else 0},
        "pending_stamp": max((stamp for stamp, _ in waiting.values()), default=0),
    }


def kind_name(kind: SlotKind | None) -> str:
    """Return what a slot of this kind is called on the pages."""
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
