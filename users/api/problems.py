"""Errors of the API as problem documents (RFC 9457), each in words that a client's author can act on."""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import ninja.errors
import pydantic
from django.core.exceptions import FieldError, ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError

from cachedemo import cache_for
from cachedemo.exceptions import PreconditionFailed, StaleInstance
from cachedemo.protocol import database_errors
from cachedemo.protocol.error_descriptions import describe
from users import outages
from users.models import User

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

Errors = Mapping[str, list[str]]  # field -> sentences


class Problem(Exception):
    """Raised when a request ends with an error status.

    Args:
        status: of the response.
        detail: what is wrong with this request, and what to do.
        errors: sentences by field, where the fields are to blame.
        headers: what the status calls for besides, such as Allow.
    """

    def __init__(
        self, status: int, detail: str, errors: Errors | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def response(self) -> HttpResponse:
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors
        return HttpResponse(
            json.dumps(document),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", **(self.headers or {})},
        )


def problem_of(error: Exception) -> Problem:
    """Say what an exception means to a client. What nobody expected is logged, and told without details."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ObjectDoesNotExist | Http404):
        return Problem(404, "There is nothing here: no such user, or no such address.")
    if isinstance(error, PreconditionFailed | StaleInstance):
        return Problem(412, "The user is no longer what If-Match says: read it again and decide anew.")
    if not _is_refusal(error) and isinstance(error, outages.OUTAGES):
        retry_after = {"Retry-After": str(outages.retry_after(error))}
        return Problem(503, str(outages.explain(error)), headers=retry_after)
    return _refused(error) or _misread(error) or _unexpected(error)


def not_found(request: HttpRequest) -> HttpResponse:
    """The view of every address of the API that there is not."""
    return problem_of(Http404()).response()


def taken_fields(error: IntegrityError) -> list[str]:
    """Return the fields whose value another row has already; none if the database refused for another reason.

    Every database says one of the two words, and the name of the column or of its index.
    """
    text = str(error)
    if not re.search("unique|duplicate", text, re.IGNORECASE):
        return []
    return sorted(name for name in cache_for(User).table.unique_fields if name in text)


def taken_sentence(name: str) -> str:
    return f"Another user has this {name} already."


def _refused(error: Exception) -> Problem | None:
    """The values are invalid."""
    if isinstance(error, ProtectedError | RestrictedError):
        return Problem(409, "Other rows need this user: delete them first.")
    if isinstance(error, IntegrityError):
        taken = taken_fields(error)
        detail = f"Another user has the same {' and '.join(taken)}." if taken else "The database refuses the user."
        return Problem(409, detail, errors={name: [taken_sentence(name)] for name in taken})
    if isinstance(error, DjangoValidationError):
        return unprocessable(error.message_dict)
    if isinstance(error, DataError | FieldError):
        return Problem(422, "The database cannot hold one of the values.")
    return Problem(409, "The database refuses the user.") if _is_refusal(error) else None


def _is_refusal(error: Exception) -> bool:
    """Whether the database refuses the row; a trigger or an index may do that by any class of error."""
    return isinstance(error, DatabaseError) and database_errors.judge(error) is database_errors.Verdict.ROW


def _misread(error: Exception) -> Problem | None:
    """The request itself is invalid."""
    if isinstance(error, ninja.errors.ValidationError):
        return unprocessable(_by_field(error.errors))
    if isinstance(error, pydantic.ValidationError):
        return unprocessable(_by_field(error.errors(include_url=False, include_context=False, include_input=False)))
    if isinstance(error, ninja.errors.HttpError):
        return Problem(error.status_code, str(error))
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "The request is too large.")
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return Problem(400, "The request cannot be read.")
    return None


def _unexpected(error: Exception) -> Problem:
    told = isinstance(error, DatabaseError)  # its own words may show whole rows
    logger.error("Unexpected error in the API: %s", describe(error), exc_info=None if told else error)
    return Problem(500, "Something went wrong on our side; the log has it.")


def unprocessable(errors: Errors) -> Problem:
    """Return the 422 that names each field."""
    return Problem(422, f"These are invalid: {', '.join(sorted(errors))}.", errors=errors)


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
        found.setdefault(".".join(names) or "body", []).append(sentence)
    return found
