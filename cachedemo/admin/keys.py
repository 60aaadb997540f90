"""Search by prefix, a few steps of SCAN at a time; a page that was asked for nothing scans nothing."""

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin.page import Page, ask
from cachedemo.exceptions import CachedemoError
from cachedemo.operations import keyspace
from cachedemo.protocol import slots
from cachedemo.servers.outages import Error
from cachedemo.servers.roles import CACHE

SHOWN = 50  # keys of a page, about
LOOKED_AT = 500  # keys of one SCAN
STEPS = 10  # SCANs of one page at most

KINDS = {b"V": "value", b"N": "missing", b"L": "lease", b"T": "mark"}


@dataclass
class Found:
    """One key of the list."""

    key: str
    kind: str
    ttl_ms: int
    size: int | None

    @property
    def ttl(self) -> float | None:
        """Seconds; None where the key has none, or is gone."""
        return self.ttl_ms / 1000 if self.ttl_ms >= 0 else None


def page(request: HttpRequest) -> Page:
    prefix, cursor = request.GET.get("prefix"), request.GET.get("cursor", "0")
    context: dict[str, Any] = {
        "prefix": prefix,
        "suggestions": [cache.table.slots.prefix for cache in registry.registered()],
    }
    if prefix is not None:
        try:
            context |= _search(prefix, cursor if re.fullmatch("[0-9]{1,19}", cursor) else "0")
        except (CachedemoError, Error) as error:
            context["problems"] = [str(error)]
    return Page("keys", "Keys", context)


def _search(prefix: str, cursor: str) -> dict[str, Any]:
    names: list[bytes] = []
    at: Any = cursor
    for _ in range(STEPS):
        at, found = CACHE.command("SCAN", at, "MATCH", keyspace.pattern(prefix), "COUNT", LOOKED_AT)
        names += found
        if not int(at) or len(names) >= SHOWN:
            break
    return {"found": _describe(sorted(names)), "next": int(at), "begun": cursor != "0"}


def _describe(names: list[bytes]) -> list[Found]:
    parts = (("GETRANGE", 0, 0), ("PTTL",), ("MEMORY USAGE",), ("TYPE",))
    commands = [(command, name, *rest) for name in names for command, *rest in parts]
    answers = ask(CACHE, commands).answers
    return [_found(name, *answers[4 * i : 4 * i + 4]) for i, name in enumerate(names)]


def _found(name: bytes, first: Any, ttl: Any, size: Any, kind: Any) -> Found:
    ours = keyspace.is_ours(name.decode(errors="replace"))
    described = KINDS.get(first, "not ours") if ours else f"not ours ({(kind or b'gone').decode()})"
    return Found(name.decode(errors="backslashreplace"), described, ttl if ttl is not None else -2, size)


def kind_of(slot: bytes) -> str:
    """Return what a slot is, in a word."""
    return KINDS.get(slot[:1], "not ours") if slots.is_well_formed(slot) else "not ours"
