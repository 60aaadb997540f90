"""The keys as a tree of prefixes, as beat has counted them; search by prefix, a few steps of SCAN at a time."""

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import key_tree, prefix_actions
from cachedemo.admin.page import Page, ask, reported
from cachedemo.operations import keyspace
from cachedemo.protocol import slot_keys, slot_kinds
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import CACHE, QUEUE

SHOWN = 50  # keys of a page, about
LOOKED_AT = 500  # keys of one SCAN
STEPS = 10  # SCANs of one page at most


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
    problems: list[str] = []
    context: dict[str, Any] = {"prefix": prefix, "problems": problems}
    caches = registry.registered()
    places = [place for cache in caches for place in (cache.table.slots, *cache.table.hints.values())]
    context["suggestions"] = [place.prefix for place in places]
    if prefix is None:
        kept = ask(QUEUE, [("GET", ours(keyspace.KEY))])
        problems += [kept.problem] if kept.problem else []
        context |= {"survey": (survey := keyspace.parse(kept.answers[0])), "tree": key_tree.branches(survey)}
        context["queue_answers"] = kept.up
    else:
        context |= prefix_actions.offered(request, prefix)
        with reported(problems):
            context |= _search(prefix, cursor if re.fullmatch("[0-9]{1,20}(-[0-9]{1,4})?", cursor) else "0")
    return Page("keys", "Keys", context)


def _search(prefix: str, cursor: str) -> dict[str, Any]:
    names: list[bytes] = []
    at = cursor
    for _ in range(STEPS):
        at, found = _step(at, keyspace.pattern(prefix))
        names += found
        if at == "0" or len(names) >= SHOWN:
            break
    return {"found": _describe(sorted(names)), "next": at if at != "0" else "", "begun": cursor != "0"}


def _step(cursor: str, pattern: str) -> tuple[str, list[bytes]]:
    """Take one step of SCAN; the cursor says behind a dash on which server of a cluster it goes on."""
    servers = CACHE.servers()
    at, _, number = cursor.partition("-")
    server = servers[min(int(number or 0), len(servers) - 1)]
    following, found = server.command("SCAN", at, "MATCH", pattern, "COUNT", LOOKED_AT)
    if int(following):
        return f"{int(following)}-{number or 0}" if len(servers) > 1 else str(int(following)), found
    more = int(number or 0) + 1 < len(servers)
    return f"0-{int(number or 0) + 1}" if more else "0", found


def _describe(names: list[bytes]) -> list[Found]:
    parts = (("GETRANGE", 0, 0), ("PTTL",), ("MEMORY USAGE",), ("TYPE",))
    commands = [(command, name, *rest) for name in names for command, *rest in parts]
    answers = ask(CACHE, commands).answers
    return [_found(name, *answers[4 * i : 4 * i + 4]) for i, name in enumerate(names)]


def _found(name: bytes, first: Any, ttl: Any, size: Any, kind: Any) -> Found:
    return Found(name.decode(errors="backslashreplace"), _kind(name, first, kind), -2 if ttl is None else ttl, size)


def _kind(name: bytes, first: bytes | None, kind: bytes | None) -> str:
    """Return what the value is, by the key's form and the value's first byte alone."""
    if not slot_keys.is_ours(name.decode(errors="replace")):
        return f"not ours ({(kind or b'gone').decode()})"
    slot_kind = slot_kinds.kind_of(first or b"")
    return slot_kind.name if slot_kind else "not ours"
