"""Errors as problem documents (RFC 9457), each in words that a client's author can act on."""

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from django.core.exceptions import (
    FieldError,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpResponse, UnreadablePostError

from cachedemo.exceptions import PreconditionFailed, StaleInstance
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import database_errors
from cachedemo.protocol.error_descriptions import describe
from cachedemo.views import outages

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


def problem_of(error: Exception, cache: ModelCache, noun: str = "") -> Problem:
    """Say what an exception means to a client. What nobody expected is logged, and told without details.

    Args:
        cache: whose rows the request was about.
        noun: what one of them is called; the model's `verbose_name` if empty.
    """
    noun = noun or str(cache.model._meta.verbose_name)
    if isinstance(error, Problem):
        return error
    if isinstance(error, ObjectDoesNotExist | Http404):
        return Problem(404, f"There is nothing here: no such {noun}, or no such address.")
    if isinstance(error, PreconditionFailed | StaleInstance):
        return Problem(412, f"The {noun} is no longer what the condition says: read it again and decide anew.")
    if not _is_refusal(error) and isinstance(error, outages.OUTAGES):
        retry_after = {"Retry-After": str(outages.retry_after(error))}
        return Problem(503, str(outages.explain(error)), headers=retry_after)
    return _refused(error, cache, noun) or _misread(error) or _unexpected(error)


def taken_fields(cache: ModelCache, error: IntegrityError) -> list[str]:
    """Return the fields whose value another row has already; none if the database refused for another reason.

    Every database says one of the two words, and the name of the column or of its index.
    """
    text = str(error)
    if not re.search("unique|duplicate", text, re.IGNORECASE):
        return []
    return sorted(name for name in cache.table.unique_fields if name in text)


def taken_sentence(name: str, noun: str) -> str:
    return f"Another {noun} has this {name} already."


def unprocessable(errors: Errors) -> Problem:
    """Return the 422 that names each field."""
    return Problem(422, f"These are invalid: {', '.join(sorted(errors))}.", errors=errors)


def _refused(error: Exception, cache: ModelCache, noun: str) -> Problem | None:
    """The values are invalid."""
    if isinstance(error, ProtectedError | RestrictedError):
        return Problem(409, f"Other rows need this {noun}: delete them first.")
    if isinstance(error, IntegrityError):
        taken = taken_fields(cache, error)
        same = f"Another {noun} has the same {' and '.join(taken)}."
        errors = {name: [taken_sentence(name, noun)] for name in taken}
        return Problem(409, same if taken else f"The database refuses the {noun}.", errors=errors)
    if isinstance(error, ValidationError):
        return unprocessable(error.message_dict if hasattr(error, "error_dict") else {"body": error.messages})
    if isinstance(error, FieldError):
        return Problem(422, str(error))
    if isinstance(error, DataError):
        return Problem(422, "The database cannot hold one of the values.")
    return Problem(409, f"The database refuses the {noun}.") if _is_refusal(error) else None


def _is_refusal(error: Exception) -> bool:
    """Whether the database refuses the row; a trigger or an index may do that by any class of error."""
    return isinstance(error, DatabaseError) and database_errors.judge(error) is database_errors.Verdict.ROW


def _misread(error: Exception) -> Problem | None:
    """The request itself is invalid."""
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "The request is too large.")
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return Problem(400, "The request cannot be read.")
    return Problem(403, "Your account may not do this.") if isinstance(error, PermissionDenied) else None


def _unexpected(error: Exception) -> Problem:
    told = isinstance(error, DatabaseError)  # its own words may show whole rows
    logger.error("Unexpected error in a view: %s", describe(error), exc_info=None if told else error)
    return Problem(500, "Something went wrong on our side; the log has it.")
