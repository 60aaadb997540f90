"""The playground: one user in one pattern, and the timeline of the request that was just made."""

import json
import shlex
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from cachedemo import Pattern, trace
from playground import demo_parts, keep
from playground.access import playground_page
from playground.three_places import state
from playground.timeline import Kept, kept_steps, timeline
from users.pages import views, words
from users.pages.forms import EditForm
from users.pages.page import page, require

KIND = "traces"


@page("view")
def user(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Show one user and the timeline of a read, or of the write that led here."""
    form, kept = None, request.GET.get("trace", "")
    if request.method == "POST":
        require(request, "change")
        form = EditForm(request.POST)
        done, kept = _traced_update(request, form, pattern, pk)
        if done is not None:
            return redirect(f"{done['Location']}?{urlencode({'trace': kept})}")
    with trace() as steps:
        shown = views.read_shown(pk)
    story = keep.load(KIND, kept)
    if story is None:
        title = f"This read, from the {words.PLACES[shown.entry.origin]}"
        story = _story(title, pattern, pk, kept_steps(steps), _curl(request, pattern, pk))
        kept = keep.save(KIND, story)
    form = form or views.form_of(shown)
    context = views.context_of(request, form, pattern, pk, shown) | _extras(request, pk, story, kept)
    return render(request, "playground/user.html", context, status=views.status_of(form))


def _traced_update(request: HttpRequest, form: EditForm, pattern: Pattern, pk: int) -> tuple[HttpResponse | None, str]:
    """Write what the form says, if it does, and keep the timeline of it."""
    if not form.is_valid():
        return None, ""
    curl = _curl(request, pattern, pk, form.changes())
    with trace() as steps:
        done = views.update(request, form, pattern, pk)
    title = f"This write, {pattern}" if done is not None else f"This write, {pattern}: refused"
    return done, keep.save(KIND, _story(title, pattern, pk, kept_steps(steps), curl))


def _story(title: str, pattern: Pattern, pk: int, steps: list[Kept], curl: str) -> dict[str, Any]:
    return {"title": title, "pattern": str(pattern), "pk": pk, "steps": steps, "curl": curl}


def _extras(request: HttpRequest, pk: int, story: dict[str, Any], kept: str) -> dict[str, Any]:
    address = reverse("user", args=[Pattern(story["pattern"]), story["pk"]])
    net = request.GET.get("scale") == "net"
    return {
        "timeline": timeline(story["title"], story["steps"], without_way=net),
        "state": state(views.users(), pk),
        "curl": story["curl"],
        "permalink": f"{address}?{urlencode({'trace': kept})}",
        "controls": demo_parts.offered(),
    }


def _curl(request: HttpRequest, pattern: Pattern, pk: int, fields: dict[str, Any] | None = None) -> str:
    """Return the command that makes the same request of the API."""
    url = request.build_absolute_uri(reverse("users-api:read_user", args=[pattern, pk]))
    if not fields:
        return f"curl -i {url}"
    body = shlex.quote(json.dumps(fields, ensure_ascii=False))
    return f"curl -i -X PATCH {url} -H 'Content-Type: application/json' -d {body}"


@playground_page()
def state_of(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Return the three places anew, for the poll."""
    return render(request, "playground/state.html", {"state": state(views.users(), pk), "pk": pk, "pattern": pattern})
