"""Class-based views that serve a registered model as JSON: mix them into Django's `View`, or into one of DRF's."""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.generic import View

from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern
from cachedemo.patterns.written import Written
from cachedemo.registry import cache_for
from cachedemo.views import body
from cachedemo.views.changes import Changes, changes_in
from cachedemo.views.conditions import required_etag
from cachedemo.views.problems import Problem, problem_of, unprocessable
from cachedemo.views.responses import read_response, write_response

if TYPE_CHECKING:
    _View = View
else:
    _View = object


class CachedMixin(_View):
    """What views of a registered model share: its cache, the pattern that was picked, and errors in words.

    Attributes:
        model: is registered.
        using: alias of the database; None for the one that the router picks for writes.
        pattern: to write in, where neither the URL nor the request names one; None for the registration's.
        pattern_url_kwarg: name of the part of the URL that names a pattern.
        pattern_header: of the request; empty if none is to count.
        noun: what a row is called in sentences; the model's `verbose_name` if empty.
    """

    model: ClassVar[type[models.Model]]
    using: str | None = None
    pattern: Pattern | str | None = None
    pattern_url_kwarg: str = "pattern"
    pattern_header: str = "X-Write-Pattern"
    noun: str = ""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view, exempt from ATOMIC_REQUESTS: inside a transaction no read fills the cache, and no write
        can be acknowledged."""
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, with a problem document (RFC 9457) where something is wrong."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - what each means is said in one place
            return self.get_problem(error).response()

    def get_cache(self) -> ModelCache:
        return cache_for(self.model, using=self.using)

    def get_pattern(self) -> Pattern:
        """Return the pattern that the URL names, else the header of the request, else this view, else the registration.

        Raises:
            Http404: there is no such pattern in the URL.
            Problem: 400, there is none in the header.
        """
        try:
            if named := self.kwargs.get(self.pattern_url_kwarg):
                return Pattern(named)
        except ValueError as error:
            raise Http404(str(error)) from error
        said = self.request.headers.get(self.pattern_header) if self.pattern_header else None
        try:
            return Pattern(said or self.pattern or self.get_cache().pattern)
        except ValueError as error:
            if said is None:
                raise
            raise Problem(400, f"{self.pattern_header} names no pattern: {', '.join(Pattern)}.") from error

    def get_noun(self) -> str:
        return self.noun or str(self.model._meta.verbose_name)

    def get_problem(self, error: Exception) -> Problem:
        return problem_of(error, self.get_cache(), self.get_noun())

    def get_body(self) -> Any:
        """Return the JSON value that the request brings. Raises Problem as `body.read` does."""
        return body.read(self.request, self.get_noun())

    def get_changes(self) -> Changes:
        """Return what the request asks to write; override it to validate with a form or a serializer first."""
        return changes_in(self.get_cache(), self.get_body(), new=self.request.method == "POST")


class CachedRowMixin(CachedMixin):
    """Serves one row: GET and HEAD, PUT, PATCH and DELETE, with ETag, If-None-Match, If-Match and Cache-Status.

    `class NoteView(CachedRowMixin, View): model = Note`. Access is for the view's other mixins, such as Django's
    `PermissionRequiredMixin`.

    Attributes:
        pk_url_kwarg: name of the part of the URL that is the primary key.
    """

    pk_url_kwarg: str = "pk"

    def get_pk(self) -> Any:
        """Return the primary key in the URL. Raises Http404 if it can be none."""
        try:
            return self.get_cache().table.find_pk(self.kwargs[self.pk_url_kwarg])
        except ValidationError as error:
            raise Http404 from error

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the row: in every pattern the same, and 304 if the client has it."""
        cache = self.get_cache()
        self.get_pattern()  # an address that names a wrong one leads nowhere
        return read_response(self.request, cache, cache.read(self.get_pk(), with_ttl=True))

    def put(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write all fields, or refuse."""
        changes = self.get_changes()
        if changes.increments:
            raise _each(changes.increments, "PATCH increments, PUT writes a value.")
        written = self.get_cache().table.codec.written.values()
        if missing := _missing(self.get_required(written), changes):
            raise _each(missing, "This field is required.")
        return self.write(changes)

    def patch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write the named fields and add to those with `{"increment": 1}`, although others write the rest meanwhile."""
        return self.write(self.get_changes())

    def delete(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete the row at once, whatever the pattern."""
        cache, pk, pattern = self.get_cache(), self.get_pk(), self.get_pattern()
        cache.via(pattern).delete(pk, if_match=required_etag(self.request, cache, pk))
        return HttpResponse(status=204)

    def get_required(self, written: Collection[models.Field]) -> Collection[str]:
        """Return the names of the fields that a PUT must have: all that can be written."""
        return [field.name for field in written]

    def write(self, changes: Changes) -> HttpResponse:
        """Write, and answer with the row as it is now: 202 where the queue has it and the database has not."""
        cache, pk, pattern = self.get_cache(), self.get_pk(), self.get_pattern()
        etag = required_etag(self.request, cache, pk)
        written = cache.via(pattern).write(pk, changes.fields, if_match=etag, increments=changes.increments)
        return write_response(cache, written)


class CachedCreateMixin(CachedMixin):
    """Creates rows: POST answers 201, with the row, its ETag and its Location."""

    def get_location(self, pk: Any) -> str:
        """Return the address of a new row; empty if it has none."""
        return ""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Insert a row at once, whatever the pattern."""
        cache, pattern, changes = self.get_cache(), self.get_pattern(), self.get_changes()
        if changes.increments:
            raise _each(changes.increments, "A new row has nothing to add to: give a value.")
        written = cache.via(pattern).insert(changes.fields)
        location = self.get_location(_pk_of(cache, written))
        return write_response(cache, written, {"Location": location} if location else {})


def _each(names: Iterable[str], sentence: str) -> Problem:
    return unprocessable({name: [sentence] for name in names})


def _missing(required: Collection[str], changes: Changes) -> list[str]:
    return sorted(set(required) - changes.fields.keys())


def _pk_of(cache: ModelCache, written: Written) -> Any:
    codec = cache.table.codec
    return codec.parse(codec.pk.attname, codec.decode(written.entry.body or b"")[codec.pk.attname])
