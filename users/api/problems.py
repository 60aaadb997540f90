"""Errors of the API as problem documents (RFC 9457): those of cachedemo's views, and what ninja and pydantic raise."""

from collections.abc import Iterable, Mapping
from typing import Any

import ninja.errors
import pydantic
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse

from cachedemo import cache_for
from cachedemo.views import problems
from cachedemo.views.changes import NOT_BOTH
from cachedemo.views.problems import MEDIA_TYPE, Problem, unprocessable
from users.models import User

__all__ = ["MEDIA_TYPE", "Problem", "not_found", "problem_of", "taken_fields", "taken_sentence", "unprocessable"]

NOUN = "user"


def problem_of(error: Exception) -> Problem:
    """Say what an exception means to a client."""
    if isinstance(error, ninja.errors.ValidationError):
        return unprocessable(_by_field(error.errors))
    if isinstance(error, pydantic.ValidationError):
        return unprocessable(_by_field(error.errors(include_url=False, include_context=False, include_input=False)))
    if isinstance(error, ninja.errors.HttpError):
        return Problem(error.status_code, str(error))
    return problems.problem_of(error, cache_for(User), NOUN)


def not_found(request: HttpRequest) -> HttpResponse:
    """The view of every address of the API that there is not."""
    return problem_of(Http404()).response()


def taken_fields(error: IntegrityError) -> list[str]:
    """Return the fields whose value another user has already; none if the database refused for another reason."""
    return problems.taken_fields(cache_for(User), error)


def taken_sentence(name: str) -> str:
    return problems.taken_sentence(name, NOUN)


_SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "model_type": "This must be a JSON object.",
    "string_type": "This must be a string.",
    "string_unicode": "No lone surrogates.",
    "string_pattern_mismatch": "At least one visible character, and no null characters.",
}


def _by_field(errors: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for error in errors:
        names = [str(part) for part in error["loc"] if part not in ("query", "path")]
        sentence = _SENTENCES.get(error["type"], f"{error['msg'].rstrip('.')}.")
        if error["type"] == "extra_forbidden" and len(names) > 1:
            sentence = NOT_BOTH
        found.setdefault(names[0] if names else "body", []).append(sentence)
    return found
