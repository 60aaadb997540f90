"""What the API answers with: a row's bytes as they stand in the cache, and headers that say where they came from."""

import json
from collections.abc import Collection, Mapping, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from cachedemo import Entry, ModelCache, Origin, Pattern
from cachedemo.operations import monitoring_access
from cachedemo.patterns.written import Written
from users.api.etag_headers import holds_it_already

JSON = "application/json"
HITS = (Origin.CACHE, Origin.NEAR)
PRIVATE = "private, no-cache"  # browsers may keep it, and must ask whether it still holds


def of_read(request: HttpRequest, cache: ModelCache, entry: Entry, seconds: float) -> HttpResponse:
    """Return the row, unparsed, or 304 if the client has it."""
    etag = cache.etag(entry)
    headers = {
        "ETag": etag,
        "Cache-Control": PRIVATE,
        "Cache-Status": cache_status(entry),
        "X-Cache": x_cache(entry),
    }
    if shows_timing(request):
        headers["Server-Timing"] = f'read;desc="{entry.origin}";dur={seconds * 1000:.3f}'
    if holds_it_already(request, etag):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(entry.body, content_type=JSON, headers=headers)


def of_write(cache: ModelCache, written: Written, created: Mapping[str, str] | None = None) -> HttpResponse:
    """Return the row as it is now: 201 with the headers of what was created, 202 if it is queued, else 200.

    X-Write-Pattern names the way that the write really took, and why it is not the one asked for.
    """
    status = 202 if written.pattern is Pattern.WRITE_BEHIND else 200
    way = f'{written.pattern}; reason="{written.reason}"' if written.reason else str(written.pattern)
    headers = {"ETag": cache.etag(written.entry), "Cache-Control": PRIVATE, "X-Write-Pattern": way}
    return HttpResponse(
        written.entry.body,
        status=201 if created else status,
        content_type=JSON,
        headers={**headers, **(created or {})},
    )


def of_many(entries: Collection[Entry], missing: Sequence[int]) -> HttpResponse:
    """Return many rows, each as its bytes are, and the ids that there are no rows for."""
    bodies = b", ".join(entry.body or b"" for entry in entries)
    hits = sum(entry.origin in HITS for entry in entries)
    status = "hit" if hits == len(entries) else f'fwd=partial; detail="{hits} of {len(entries)} from the cache"'
    return HttpResponse(
        b'{"users": [%b], "missing": %b}' % (bodies, json.dumps(missing).encode()),
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


def shows_timing(request: HttpRequest) -> bool:
    """Timings help developers and operators, and attackers too; so they are for the former."""
    return settings.DEBUG or monitoring_access.is_staff(request)
