"""What every operation of the API has in common, and what its documents (OpenAPI) say of each."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from ninja import NinjaAPI, Swagger
from pydantic import BaseModel

from users.access import SessionPermission
from users.api import problems
from users.api.body import MEDIA_TYPE
from users.api.problems import Problem
from users.api.schemas import ProblemDocument

ALWAYS = (400, 401, 403, 404, 500, 503)  # may happen to any request; 404 also says that there is no such pattern
WITH_BODY = (413, 415, 422)  # to one that brings a body

READ = ("ETag", "Cache-Status", "X-Cache")
WRITTEN = ("ETag", "X-Write-Pattern")
_HEADERS = {
    "ETag": "Of this version of the row: the cache's version, the stamp of the last write, a hash of the body.",
    "Cache-Status": "Whether the cache had it and for how many seconds it will, or whether it has it now (RFC 9211).",
    "X-Cache": "HIT, MISS, or BYPASS where the row could not be put in the cache either.",
    "X-Write-Pattern": "The way that the write really took, and the reason where it is not the one asked for.",
    "Location": "The address of the new user.",
    "WWW-Authenticate": "The cookie to send.",
    "Retry-After": "Seconds.",
}

_DESCRIPTION = """
One row behind a Redis cache, written in three ways. Reads are the same in all of them.

- **cache-aside**: the database is written, then the cache entry is dropped.
- **write-through**: the database is written, then the cache entry is replaced.
- **write-behind**: the queue takes the write and the cache shows it; the database follows. Such an answer is a 202.
  A change of a unique field goes write-through instead and is a 200: `X-Write-Pattern` says why.

A read answers `If-None-Match` with 304. A write with `If-Match` is refused with 412 if the row has changed, decided in
the same step as the write. Errors are problem documents (RFC 9457).

`{"visits": {"increment": 1}}` in a PATCH adds to the visits, whatever others add or write meanwhile.
"""


guard = SessionPermission()

View = Callable[..., HttpResponseBase]


class Documents(Swagger):
    """The documents as a page of this site."""

    template = "users/api_docs.html"


class Api(NinjaAPI):
    """An API whose every answer is JSON, errors too, whatever DEBUG says."""

    def __init__(self) -> None:
        super().__init__(
            title="Users behind a cache",
            description=_DESCRIPTION,
            urls_namespace="users-api",
            auth=guard,
            docs=Documents({"docExpansion": "list", "defaultModelsExpandDepth": -1}),
        )
        self._reads: dict[str, View] = {}

    def read(self, path: str, **options: Any) -> Callable[[View], View]:
        """Register a GET that takes nothing but its address.

        Ninja documents it, but is not asked when it is called: to parse what the URL has parsed already would cost a
        tenth of a warm read.
        """

        def register(view: View) -> View:
            self._reads[view.__name__] = view
            return self.api_operation(["GET", "HEAD"], path, **options)(view)

        return register

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Answer with a problem document instead of a page of Django's."""
        return problems.problem_of(exc).response()

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        """The views, exempt from ATOMIC_REQUESTS: inside a transaction no read fills the cache."""
        patterns, application, namespace = super().urls
        for pattern in cast(list[URLPattern], patterns):
            view = _refusing_in_json(cast(View, pattern.callback))
            if read := self._reads.get(str(pattern.name)):
                view = self._past_ninja(read, view)
            pattern.callback = transaction.non_atomic_requests(view)
        return patterns, application, namespace

    def _past_ninja(self, read: View, others: View) -> View:
        @wraps(others)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in ("GET", "HEAD"):
                return others(request, *args, **kwargs)
            try:
                guard(request)
                return read(request, *args, **kwargs)
            except Exception as error:  # noqa: BLE001  (what each means is said in one place)
                return self.on_exception(request, error)

        return answered

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """Have the documents say what the views do."""
        schema = super().get_openapi_schema(**kwargs)
        if settings.OPEN_ACCESS:
            schema["components"].pop("securitySchemes", None)
        for operations in schema["paths"].values():
            operations.pop("head", None)  # goes without saying, and would repeat the id of the operation
            for operation in operations.values():
                _correct(operation)
        return schema


def described(
    model: type[BaseModel] | None,
    statuses: Iterable[int],
    *,
    refusals: Iterable[int] = (),
    headers: Iterable[str] = (),
    takes: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Return the options of an operation that document it.

    Args:
        model: of the body of its good responses.
        statuses: of these.
        refusals: statuses of problems that not every operation has.
        headers: of the good responses.
        takes: what `body.read` will read.
    """
    refusals = {*ALWAYS, *refusals, *(WITH_BODY if takes else ())}
    extra: dict[str, Any] = {"responses": {status: {"headers": _headers(headers)} for status in statuses}}
    extra["responses"] |= {
        401: {"headers": _headers(["WWW-Authenticate"])},
        503: {"headers": _headers(["Retry-After"])},
    }
    if takes:
        extra["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": takes.model_json_schema()}}}
    responses = {status: None if status in (204, 304) else model for status in statuses}
    return {
        "tags": ["Users"],
        "response": responses | dict.fromkeys(sorted(refusals), ProblemDocument),
        "openapi_extra": extra,
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def _correct(operation: dict[str, Any]) -> None:
    """Give problems their own media type; under OPEN_ACCESS, say that nobody has to sign in."""
    if settings.OPEN_ACCESS:
        operation.pop("security", None)
    for status, response in operation["responses"].items():
        if status >= 400:
            response["content"] = {problems.MEDIA_TYPE: response["content"]["application/json"]}


def _refusing_in_json(view: View) -> View:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            return response
        allowed = ", ".join(sorted(response.headers["Allow"].split(", ")))
        return Problem(405, f"This address takes {allowed}.", headers={"Allow": allowed}).response()

    return answered
