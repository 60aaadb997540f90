"""The JSON object in a request: bounded, and nothing left to chance."""

import json
from typing import IO, Any

from django.http import HttpRequest

from cachedemo.views.problems import Problem, unprocessable

LIMIT = 64 * 1024  # bytes
MEDIA_TYPE = "application/json"


def read(request: HttpRequest, noun: str = "row", limit: int = LIMIT) -> Any:
    """Return the JSON value in a request's body.

    Args:
        noun: what the request sends, for the sentences.
        limit: in bytes.

    Raises:
        Problem: 415, 413 or 400; 422 for a field that is given twice.
    """
    if request.content_type != MEDIA_TYPE:
        raise Problem(415, f"Send the {noun} as {MEDIA_TYPE}.", headers={"Accept": MEDIA_TYPE})
    return _parse(_bounded(request, noun, limit))


def _bounded(request: HttpRequest, noun: str, limit: int) -> bytes:
    """Read no more than the limit, whatever Content-Length says or does not say."""
    too_large = Problem(413, f"A {noun} takes no more than {limit} bytes.")
    if _announced(request) > limit:
        raise too_large
    body = _stream(request).read(limit + 1)
    if len(body) > limit:
        raise too_large
    return body


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # as Django takes it


def _stream(request: HttpRequest) -> "IO[bytes] | HttpRequest":
    """Under WSGI, Django takes a chunked body, which has no Content-Length, for an empty one."""
    environ = getattr(request, "environ", {})
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        return environ["wsgi.input"]
    return request


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is no JSON in UTF-8, or nested too deeply.") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves it open which of two values for one name counts, so neither does."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise unprocessable({name: ["Given more than once."] for name in found if names.count(name) > 1})
    return found
