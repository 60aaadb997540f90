"""The pages: the list of users, one user in one pattern, and the question before a user is deleted."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from cachedemo import Entry, ModelCache, Pattern, cache_for
from cachedemo.exceptions import PreconditionFailed
from cachedemo.patterns.written import Written
from users.access import may
from users.models import User
from users.pages import find, prospects, words
from users.pages.forms import EditForm, NewUserForm
from users.pages.page import page, require
from users.pages.peek import kept, peek, waits

PER_PAGE = 50
VISIT = {"visits": 1}  # what the button adds
Write = Callable[..., tuple[Written, float]]  # as `write`


def users() -> ModelCache:
    return cache_for(User)


def _values(entry: Entry) -> dict[str, Any]:
    return users().table.codec.decode(entry.body or b"")


def _read(pk: int) -> tuple[Entry, dict[str, Any]]:
    """Return a user as it was read, and its values; a slot with JSON that is none of ours is thrown out."""
    entry = users().read(pk, with_ttl=True)
    try:
        return entry, _values(entry)
    except ValueError:
        users().table.slots.discard(pk)
        return _read(pk)


def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon: pages that name none, such as the admin's, are asked for it here."""
    return redirect(static("users/favicon.svg"))


@page("view")
def user_list(request: HttpRequest) -> HttpResponse:
    """List the users with where each value would come from now, find one by email, and add one."""
    form = NewUserForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        require(request, "add")
        if form.is_valid() and (made := _create(request, form)):
            return made
    elif there := find.found(request):
        return there
    everybody = User.objects.filter(pk__gt=0).values_list("pk", flat=True)  # below zero: somebody's throwaway rows
    shown = Paginator(everybody, PER_PAGE).get_page(request.GET.get("page"))
    people, cache_answers = peek(users(), list(shown.object_list))
    context = {
        "form": form if may(request, "add") else None,
        "page": shown,
        "people": people.values(),
        "cache_answers": cache_answers,
        "pattern": users().pattern,
    }
    return render(request, "users/list.html", context, status=422 if form.errors else 200)


def _create(request: HttpRequest, form: NewUserForm) -> HttpResponse | None:
    """Add the user and lead to its page; return None if the form now says why not."""
    pattern = Pattern(form.cleaned_data.pop("pattern"))
    started = time.perf_counter()
    try:
        written = users().via(pattern).insert(form.cleaned_data)
    except (IntegrityError, ValidationError) as error:
        form.refuse(error)
        return None
    took = words.duration(time.perf_counter() - started)
    values = _values(written.entry)
    messages.success(request, f"Added {values['name']} in {took}. The database has it.")
    return redirect("user", pattern=pattern, pk=values["id"])


class Shown(NamedTuple):
    """A user as it was read for a page, and how long that took."""

    entry: Entry
    values: dict[str, Any]
    seconds: float


def read_shown(pk: int) -> Shown:
    started = time.perf_counter()
    entry, values = _read(pk)
    return Shown(entry, values, time.perf_counter() - started)


@page("view")
def user(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Show one user, where the value came from, and a form that writes it in this pattern."""
    form = EditForm(request.POST) if request.method == "POST" else None
    if form is not None:
        require(request, "change")
        if "visit" in request.POST:
            return add_visit(request, pattern, pk)
        if form.is_valid() and (done := update(request, form, pattern, pk)):
            return done
    shown = read_shown(pk)
    form = form or form_of(shown)
    context = context_of(request, form, pattern, pk, shown)
    return render(request, "users/user.html", context, status=status_of(form))


def form_of(shown: Shown) -> EditForm:
    """Return a form that shows the user and knows which version of it that is."""
    return EditForm(initial=shown.values | {"etag": users().etag(shown.entry)})


def status_of(form: EditForm) -> int:
    """Return the status of a page with this form."""
    return 200 if not form.errors else 409 if form.has_conflict else 422


def context_of(request: HttpRequest, form: EditForm, pattern: Pattern, pk: int, shown: Shown) -> dict[str, Any]:
    entry, now, cached = shown.entry, waits(users(), pk), kept(users(), pk, shown.entry)
    return now | {
        "form": form if may(request, "change") else None,
        "may_delete": may(request, "delete"),
        "pattern": pattern,
        "pk": pk,
        "person": shown.values,
        "place": words.PLACES[entry.origin],
        "origin": words.origin(entry, cached.cache_answers),
        "took": words.duration(shown.seconds),
        "cached": cached,
        "stamp": f"{entry.stamp:016d}",
        "moment": words.moment(entry.stamp),
        "choices": words.CHOICES,
        "advice": words.ADVICE,
        "prospect": prospects.of(users()) if now["waiting"] and not now["is_refused"] else "",
    }


def write(
    pattern: Pattern,
    pk: int,
    changes: dict[str, Any],
    if_match: str | None = None,
    increments: dict[str, int] | None = None,
) -> tuple[Written, float]:
    """Write, and return what that did and how many seconds it took."""
    started = time.perf_counter()
    written = users().via(pattern).write(pk, changes, if_match=if_match, increments=increments)
    return written, time.perf_counter() - started


def update(
    request: HttpRequest, form: EditForm, pattern: Pattern, pk: int, write: Write = write
) -> HttpResponse | None:
    """Write what was changed and lead back to the page; return None if the form now says why not.

    `write` writes; who wants to see it done gives another that does the same.

    Cache-aside and write-through compare the version in the same step as the write. Write-behind has no such step:
    If-Match would make it wait for the database, which is what people choose it to avoid. So there the version was
    compared a moment before; of two who write the same field within that moment the later wins, and other fields
    are never touched.
    """
    entry, values = _read(pk)
    etag = users().etag(entry)
    if etag != form.cleaned_data["etag"]:
        form.show_both(values, etag)
        return None
    changes = form.changes()
    if not changes:
        messages.info(request, "Nothing was changed, so nothing was written.")
        return redirect("user", pattern=pattern, pk=pk)
    try:
        if_match = None if pattern is Pattern.WRITE_BEHIND else etag
        written, took = write(pattern, pk, changes, if_match)
    except PreconditionFailed:
        entry, values = _read(pk)
        form.show_both(values, users().etag(entry))
    except (IntegrityError, ValidationError) as error:
        form.refuse(error)
    else:
        messages.success(request, words.updated(written, took))
        return redirect("user", pattern=pattern, pk=pk)
    return None


def add_visit(request: HttpRequest, pattern: Pattern, pk: int, write: Write = write) -> HttpResponse:
    """Add a visit, whatever others add or write meanwhile, and lead back to the page. `write` is as in `update`."""
    try:
        messages.success(request, words.updated(*write(pattern, pk, {}, increments=VISIT)))
    except ValidationError as error:
        messages.error(request, f"Nothing was added. {' '.join(error.messages)}")
    return redirect("user", pattern=pattern, pk=pk)


@page("delete")
def delete_user(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Ask, then delete."""
    _, person = _read(pk)
    if request.method != "POST":
        return render(request, "users/delete.html", {"person": person, "pattern": pattern, "pk": pk})
    started = time.perf_counter()
    users().via(pattern).delete(pk)
    took = words.duration(time.perf_counter() - started)
    messages.success(request, f"Deleted {person['name']} in {took}, from the database and the cache.")
    return redirect("user-list")
