"""The playground: one user in one pattern, and the timeline of the request that was just made."""

import json
import shlex
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from cachedemo import Pattern
from cachedemo.operations import pause
from playground import demo_parts, flush_traces, keep
from playground.access import playground_page
from playground.lanes import Board, board
from playground.three_places import State, state
from playground.timeline import timeline, without_way
from playground.told import Told
from users.pages import views, words
from users.pages.forms import EditForm
from users.pages.page import page, require
from users.pages.peek import waits

KIND = "traces"
HOLD = 10  # seconds that the flush is held when somebody wants to see a write wait

_BY_THE_WORKER = {"actor": "worker", "ends": "The worker is done."}
_A_VISIT = {name: {"increment": added} for name, added in views.VISIT.items()}  # as the API takes it

Story = dict[str, Any]


@page("view")
def user(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Show one user and the timeline of a read, or of the write that led here."""
    form, kept = None, request.GET.get("trace", "")
    if request.method == "POST":
        require(request, "change")
        form = EditForm(request.POST)
        done, kept = _told_update(request, form, pattern, pk)
        if done is not None:
            return redirect(f"{done['Location']}?{urlencode({'trace': kept})}")
    told = Told(pk)
    shown = told.of(lambda: views.read_shown(pk))
    story = keep.load(KIND, kept)
    if story is None or "after" not in story:  # none is kept, or one of an older release
        title = f"This read, from the {words.PLACES[shown.entry.origin]}"
        story = told.story(title, pattern) | {"curl": _curl(request, pattern, pk)}
        kept = keep.save(KIND, story)
    form = form or views.form_of(shown)
    context = views.context_of(request, form, pattern, pk, shown) | _extras(request, pk, story, kept)
    return render(request, "playground/user.html", context, status=views.status_of(form))


def _told_update(request: HttpRequest, form: EditForm, pattern: Pattern, pk: int) -> tuple[HttpResponse | None, str]:
    """Write what the form says, if it does, or add a visit; keep the timeline of that and nothing else."""
    is_visit = "visit" in request.POST
    if not is_visit and not form.is_valid():
        return None, ""
    told, curl = Told(pk), {"curl": _curl(request, pattern, pk, _A_VISIT if is_visit else form.changes())}
    if "hold" in request.POST:
        pause.pause(views.users(), f"a visitor, for {HOLD} s,", HOLD)
    if is_visit:
        done: HttpResponse | None = views.add_visit(request, pattern, pk, told.write)
    else:
        done = views.update(request, form, pattern, pk, told.write)
    if not told.steps:
        return done, ""
    if told.written is None:
        return done, keep.save(KIND, told.story(f"This write, {pattern}: refused", pattern) | curl)
    title = f"This write, {told.written.pattern}"
    return done, keep.save(KIND, told.story(title, pattern) | curl)


def _extras(request: HttpRequest, pk: int, story: Story, kept: str) -> dict[str, Any]:
    address = reverse("user", args=[Pattern(story["pattern"]), story["pk"]])
    net = request.GET.get("scale") == "net"
    drawn = without_way(story["steps"], story["took_ms"]) if net else {}
    return {
        "timeline": timeline(story["title"], story["steps"], net),
        "held_before": _held(story["before"]),
        "story": story,
        "kept": kept,
        "board": board([{"label": story["title"], **story, "places": []} | drawn]),
        "curl": story["curl"],
        "permalink": f"{address}?{urlencode({'trace': kept})}",
        "controls": demo_parts.offered(),
        "events": demo_parts.events(),
        "hold": HOLD,
    } | _now(pk, story)


def _held(places: dict[str, Any]) -> str:
    """Return what the cache held, in words."""
    return next(line["cells"][0]["text"] for line in places["lines"] if line["name"] == "holds")


def _now(pk: int, story: Story | None) -> dict[str, Any]:
    was_queued = bool(story and story["queued"] and story["pk"] == pk)
    return {"state": _state(pk, was_queued), "flush": _flush(pk, story) if story and was_queued else None}


def _state(pk: int, was_queued: bool) -> State:
    return state(views.users(), pk, was_queued)


def _flush(pk: int, story: Story) -> Board | None:
    """Return the flush that took the write to the database, drawn like the write; None if there was none yet."""
    found = flush_traces.of_row(views.users().table.slots.key(pk), story["at"])
    if found is None:
        return None
    steps = found["steps"]
    began = steps[0]["start"]
    moved = [step | {"start": step["start"] - began} for step in steps]
    took = max(step["start"] + step["took"] for step in moved) / 1000
    later = max(0.0, found["at"] - story["at"])
    return board(
        [{"label": f"The flush, {later:.1f} s later", "steps": moved, "took_ms": took, "places": []} | _BY_THE_WORKER]
    )


def _curl(request: HttpRequest, pattern: Pattern, pk: int, fields: dict[str, Any] | None = None) -> str:
    """Return the command that makes the same request of the API."""
    url = request.build_absolute_uri(reverse("users-api:read_user", args=[pattern, pk]))
    if not fields:
        return f"curl -i {url}"
    body = shlex.quote(json.dumps(fields, ensure_ascii=False))
    return f"curl -i -X PATCH {url} -H 'Content-Type: application/json' -d {body}"


@playground_page()
def state_of(request: HttpRequest, pattern: Pattern, pk: int) -> HttpResponse:
    """Return what is where anew, for the poll; `trace` names the write that the page shows."""
    story = keep.load(KIND, request.GET.get("trace"))
    context = _now(pk, story) | {"controls": demo_parts.offered(), "events": demo_parts.events()}
    return render(request, "playground/live.html", context | waits(views.users(), pk))
