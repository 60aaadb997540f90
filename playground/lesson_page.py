"""The lesson on `/`: one step a page, done when its button is pressed, and a path that remembers how far one was."""

import re
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from cachedemo.exceptions import CachedemoError
from playground import keep
from playground.access import playground_page
from playground.lab.experiments import EXPERIMENTS
from playground.lab.slugs import SLUGS
from playground.lanes import board
from playground.lesson.path import BY_SLUG, LESSONS, TAKE_AWAY, Lesson
from users import outages

KIND = "lesson"
COOKIE = "lesson"
A_MONTH = 30 * 24 * 3600  # seconds
_DONE = re.compile(r"([a-z-]{2,20}):([0-9a-f]{12})")


class PathStep(NamedTuple):
    """One step as the path at the top shows it."""

    number: int
    lesson: Lesson
    is_done: bool
    is_current: bool


@playground_page()
def start(request: HttpRequest) -> HttpResponse:
    """Show the first step that was not done yet, or the last."""
    done = _done(request)
    return _page(request, next((each for each in LESSONS if each.slug not in done), LESSONS[-1]))


@playground_page("POST")
def lesson(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a step with what it did when it was done last; do it when asked to."""
    found = BY_SLUG.get(slug)
    if found is None:
        raise Http404(f"There is no step {slug}.")
    return _play(request, found) if request.method == "POST" else _page(request, found)


@playground_page("POST")
def again(request: HttpRequest) -> HttpResponse:
    """Forget how far somebody was."""
    response = redirect("lesson-start")
    response.delete_cookie(COOKIE)
    return response


def _play(request: HttpRequest, found: Lesson) -> HttpResponse:
    if not found.is_possible:
        return _page(request, found)
    try:
        kept = keep.save(KIND, found.play())
    except (*outages.OUTAGES, CachedemoError) as error:
        return _page(request, found, failed=outages.explain(error))
    response = redirect(f"{reverse('lesson', args=[found.slug])}#happened")
    done = _done(request) | {found.slug: kept}
    value = ".".join(f"{slug}:{run}" for slug, run in done.items() if slug in BY_SLUG)
    response.set_cookie(COOKIE, value, max_age=A_MONTH, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


def _done(request: HttpRequest) -> dict[str, str]:
    return dict(_DONE.findall(request.COOKIES.get(COOKIE, "")))


def _page(request: HttpRequest, found: Lesson, failed: outages.Outage | None = None) -> HttpResponse:
    done = _done(request)
    scene = None if failed else keep.load(KIND, done.get(found.slug))
    at = LESSONS.index(found)
    context: dict[str, Any] = {
        "current": "lesson",
        "lesson": found,
        "number": at + 1,
        "path": [PathStep(n, each, each.slug in done, each is found) for n, each in enumerate(LESSONS, start=1)],
        "done_count": sum(each.slug in done for each in LESSONS),
        "board": board(scene["tracks"], scene.get("in_turn", False)) if scene else None,
        "failed": failed,
        "experiment": EXPERIMENTS[found.experiment],
        "experiment_number": SLUGS.index(found.experiment) + 1,
        "following": LESSONS[at + 1] if at + 1 < len(LESSONS) else None,
        "take_away": TAKE_AWAY if at + 1 == len(LESSONS) and scene else None,
    }
    return render(request, "playground/lesson.html", context, status=503 if failed else 200)
