"""Conditional requests (RFC 9110, section 13): If-None-Match for reads, If-Match for writes."""

from typing import Any

from django.http import HttpRequest
from django.utils.http import parse_etags

from cachedemo.exceptions import PreconditionFailed
from cachedemo.model_cache import ModelCache


def holds_it_already(request: HttpRequest, etag: str) -> bool:
    """Say whether the client has this very representation; a weak tag of it is as good (weak comparison)."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    return header is not None and _names(header, etag)


def required_etag(request: HttpRequest, cache: ModelCache, pk: Any) -> str | None:
    """Return the tag that the row must have when it is written, None if any will do.

    Where If-Match lists several, the row has one of them now or none will do; if it is another by the time of the
    write, the write is refused: somebody was faster. `*` asks for a row, and a write without one is a 404 anyway.

    Raises:
        PreconditionFailed: the row has none of them.
        DoesNotExist, Unavailable: as `ModelCache.read`.
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        _refuse_if_there(request, cache, pk)
        return None
    tags = parse_etags(header)
    if len(tags) == 1:
        return tags[0]
    current = cache.etag(cache.read(pk, fresh=True))
    if current not in tags:
        raise PreconditionFailed(f"None of {tags} is the row's.")
    return current


def _refuse_if_there(request: HttpRequest, cache: ModelCache, pk: Any) -> None:
    """If-None-Match on a write says "only if there is none yet": such a request must not overwrite."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is not None and _names(header, cache.etag(cache.read(pk, fresh=True))):
        raise PreconditionFailed("The row is what If-None-Match rules out.")


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or any(tag.removeprefix("W/") == etag for tag in parse_etags(header))
