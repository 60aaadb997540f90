"""What goes wrong: the list of experiments, and each of them as it is played."""

from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from playground import keep, runs_at_once
from playground.access import playground_page
from playground.lab.diagram import Diagram, diagram
from playground.lab.experiments import EXPERIMENTS
from playground.lab.stage import PACE
from playground.lesson.path import LESSONS

KIND = COOKIE = "lab"
A_MONTH = 30 * 24 * 3600  # seconds
LOOKED_AT = 40  # kept runs, to find the last one of an experiment


class SideShown(NamedTuple):
    """One side of a run as the template shows it."""

    name: str
    label: str
    diagram: Diagram
    finding: runs_at_once.Event | None
    why: str


@playground_page()
def index(request: HttpRequest) -> HttpResponse:
    context = {"experiments": EXPERIMENTS.items(), "current": "lab", "seen": _seen(request)}
    return render(request, "playground/lab.html", context)


@playground_page("POST")
def experiment(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell what the experiment is; start it when asked to."""
    found = _experiment(slug)
    if request.method == "POST":
        try:
            return redirect("experiment-run", slug=slug, run=runs_at_once.start(KIND, _command(slug)))
        except runs_at_once.Busy:
            return render(request, "playground/experiment.html", _context(slug, found) | {"busy": True}, status=503)
    before = _newest(slug)
    context = _context(slug, found) | {"earlier": True, "sides": _sides(found, before) if before else []}
    return render(request, "playground/experiment.html", context)


@playground_page()
def run(request: HttpRequest, slug: str, run: str) -> HttpResponse:
    """Show what has happened so far; a poll gets the same without the page around it."""
    found = _experiment(slug)
    told = runs_at_once.events(KIND, run)
    if told is None:
        raise Http404(f"No run {run} of this experiment is kept any more.")
    events, going = told
    context = _context(slug, found) | {"run": run, "going": going, "sides": _sides(found, events)}
    context["error"] = next((event["text"] for event in events if event["kind"] == "error"), "")
    if not going and not any(event["kind"] in ("end", "error") for event in events):
        context["error"] = "The run was ended from outside before it was over."
    template = "playground/run.html" if "part" in request.GET else "playground/experiment.html"
    response = render(request, template, context)
    return _remember(request, response, slug) if any(event["kind"] == "end" for event in events) else response


def _command(slug: str) -> list[str]:
    return ["-m", "playground.lab", "--pace", str(PACE), slug]


def _experiment(slug: str) -> Any:
    if slug not in EXPERIMENTS:
        raise Http404(f"There is no experiment {slug}.")
    return EXPERIMENTS[slug]


def _context(slug: str, found: Any) -> dict[str, Any]:
    slugs = list(EXPERIMENTS)
    after = slugs[slugs.index(slug) + 1 :][:1]
    following = {"slug": after[0], "title": EXPERIMENTS[after[0]].TITLE} if after else None
    lesson = next((each for each in LESSONS if each.experiment == slug), None)
    file = f"playground/lab/experiments/{slug.replace('-', '_')}.py"
    return {
        "slug": slug,
        "number": slugs.index(slug) + 1,
        "count": len(slugs),
        "experiment": found,
        "file": file,
        "following": following,
        "lesson": lesson,
        "lesson_number": LESSONS.index(lesson) + 1 if lesson else None,
        "current": "lab",
    }


def _sides(found: Any, events: list[runs_at_once.Event]) -> list[SideShown]:
    return [
        _side("naive", "The naive version", found.NAIVE, events, found.BREAKS),
        _side("ours", "cachedemo", found.OURS, events, None),
    ]


def _side(name: str, label: str, why: str, events: list[runs_at_once.Event], breaks: Any) -> SideShown:
    mine = [event for event in events if event.get("side") == name]
    told = [event for event in mine if event["kind"] in ("step", "note")]
    finding = next((event for event in mine if event["kind"] == "finding"), None)
    return SideShown(name, label, diagram(told, breaks), finding, why)


def _seen(request: HttpRequest) -> set[str]:
    """Return the experiments that this visitor has seen to their end."""
    return set(request.COOKIES.get(COOKIE, "").split(".")) & set(EXPERIMENTS)


def _remember(request: HttpRequest, response: HttpResponse, slug: str) -> HttpResponse:
    seen = ".".join(sorted(_seen(request) | {slug}))
    response.set_cookie(COOKIE, seen, max_age=A_MONTH, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


def _newest(slug: str) -> list[runs_at_once.Event]:
    """Return the events of the last run of an experiment, to look at before the next; none if none is kept."""
    files = sorted(keep.folder(KIND).glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for file in files[:LOOKED_AT]:
        events, going = runs_at_once.events(KIND, file.stem) or ([], True)
        if not going and events and events[-1].get("kind") == "end" and events[-1].get("experiment") == slug:
            return events
    return []
