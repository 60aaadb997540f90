"""The demo's buttons: kill the worker, pause it, kill the servers, and watch them come back. Under `make demo` only."""

import datetime
import time
from typing import NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify

from demo import visitor_actions
from playground.access import playground_page

_LABELS = {"kill": "Kill", "down-10": "Keep down 10 s", "pause": "Pause", "resume": "Resume"}
_RECENT = 60  # seconds
_SENTENCES = {
    "runs": "runs",
    "paused": "paused: it takes nothing off the queue",
    "down": "killed: the demo starts it again",
}
_EVENTS = {"runs": "runs", "paused": "is paused", "down": "is down"}
_SLUGS = {slugify(part): part for part in visitor_actions.OFFERED}


class Button(NamedTuple):
    action: str
    label: str


class PartShown(NamedTuple):
    """A part of the demo with what may be done to it."""

    name: str
    slug: str
    state: str
    sentence: str
    buttons: list[Button]


def offered() -> list[PartShown]:
    """Return the parts with their buttons; none outside of a demo."""
    if not visitor_actions.is_there():
        return []
    states = visitor_actions.states()
    return [_shown(part, *states[part]) for part in visitor_actions.OFFERED if part in states]


def _shown(part: str, state: str, since: float) -> PartShown:
    buttons = [Button(action, _LABELS[action]) for action in visitor_actions.OFFERED[part] if action in _LABELS]
    age = int(time.time() - since)
    recently = f", for {age} s now" if state == "runs" and age < _RECENT else ""
    return PartShown(part, slugify(part), state, _SENTENCES[state] + recently, buttons)


class Event(NamedTuple):
    """What became of a part, and when."""

    time: str
    part: str
    words: str


def events() -> list[Event]:
    """Return what became of the parts lately, the newest first."""
    return [
        Event(f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%H:%M:%S}", part, _EVENTS.get(state, state))
        for at, part, state in visitor_actions.events()
    ]


@playground_page("POST")
def act(request: HttpRequest, part: str, action: str) -> HttpResponse:
    """Ask the demo to kill, pause or resume a part."""
    if request.method != "POST" or not visitor_actions.is_there():
        raise Http404
    try:
        visitor_actions.ask(_SLUGS.get(part, part), action)
    except ValueError as error:
        raise Http404(str(error)) from error
    return redirect(_way_back(request))


def _way_back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else "user-list"
