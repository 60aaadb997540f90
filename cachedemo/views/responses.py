"""What a view answers with: a row's bytes as they stand in the cache, and headers that say where they came from."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern
from cachedemo.patterns.written import Written
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.views.conditions import holds_it_already

JSON = "application/json"
HITS = (Origin.CACHE, Origin.NEAR)
PRIVATE = "private, no-cache"  # browsers may keep it, and must ask whether it still holds


def read_response(request: HttpRequest, cache: ModelCache, entry: Entry) -> HttpResponse:
    """Return a row as it was read, unparsed, or 304 if the client has it.

    Args:
        request: its If-None-Match counts.
        entry: of `cache.read`; read `with_ttl`, Cache-Status says how long the cache will have it.
    """
    etag = cache.etag(entry)
    headers = {"ETag": etag, "Cache-Control": PRIVATE, "Cache-Status": cache_status(entry), "X-Cache": x_cache(entry)}
    if holds_it_already(request, etag):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(entry.body, content_type=JSON, headers=headers)


def write_response(cache: ModelCache, written: Written, created: Mapping[str, str] | None = None) -> HttpResponse:
    """Return the row as it is now: 202 if its write is queued, else 200.

    X-Write-Pattern names the way that the write really took, and why it is not the one asked for.

    Args:
        created: headers of a new row, such as Location; the status is 201 then.
    """
    status = 202 if written.pattern is Pattern.WRITE_BEHIND else 200
    way = f'{written.pattern}; reason="{written.reason}"' if written.reason else str(written.pattern)
    headers = {"ETag": cache.etag(written.entry), "Cache-Control": PRIVATE, "X-Write-Pattern": way}
    return HttpResponse(
        written.entry.body,
        status=status if created is None else 201,
        content_type=JSON,
        headers={**headers, **(created or {})},
    )


def many_response(name: str, entries: Collection[Entry], missing: Sequence[Any]) -> HttpResponse:
    """Return many rows, each as its bytes are, and the keys that there are no rows for.

    Args:
        name: of the rows in the answer, such as "users".
    """
    bodies = b", ".join(entry.body or b"" for entry in entries)
    hits = sum(entry.origin in HITS for entry in entries)
    status = "hit" if hits == len(entries) else f'fwd=partial; detail="{hits} of {len(entries)} from the cache"'
    keys = json.dumps(missing, cls=DjangoJSONEncoder).encode()
    return HttpResponse(
        b'{"%b": [%b], "missing": %b}' % (name.encode(), bodies, keys),
        content_type=JSON,
        headers={"Cache-Control": PRIVATE, "Cache-Status": f"cachedemo; {status}"},
    )


def cache_status(entry: Entry) -> str:
    """Return the Cache-Status header (RFC 9211)."""
    if entry.origin is Origin.NEAR:
        return "cachedemo; hit; detail=near"
    if entry.origin is Origin.CACHE:
        return f"cachedemo; hit; ttl={entry.ttl // 1000}" if entry.ttl and entry.ttl > 0 else "cachedemo; hit"
    stored = "; stored" if entry.slot is not None else ""
    detail = "; detail=pending" if entry.origin is Origin.PENDING else ""
    return f"cachedemo; fwd=miss{stored}{detail}"


def x_cache(entry: Entry) -> str:
    """Say the same in one word; BYPASS where the row was neither found nor could be put in the cache."""
    if entry.origin in HITS:
        return "HIT"
    return "BYPASS" if entry.slot is None else "MISS"
