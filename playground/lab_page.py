"""What goes wrong: the list of experiments, and each of them as it is played."""

from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from playground import runs_at_once
from playground.access import playground_page
from playground.lab.experiments import EXPERIMENTS
from playground.lab.stage import PACE

KIND = "lab"


class SideShown(NamedTuple):
    """One side of a run as the template shows it."""

    name: str
    label: str
    events: list[runs_at_once.Event]
    finding: runs_at_once.Event | None
    why: str
    actors: list[str]


@playground_page()
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "playground/lab.html", {"experiments": EXPERIMENTS.items(), "current": "lab"})


@playground_page("POST")
def experiment(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell what the experiment is; start it when asked to."""
    found = _experiment(slug)
    if request.method == "POST":
        try:
            return redirect("experiment-run", slug=slug, run=runs_at_once.start(KIND, _command(slug)))
        except runs_at_once.Busy:
            return render(request, "playground/experiment.html", _context(slug, found) | {"busy": True}, status=503)
    return render(request, "playground/experiment.html", _context(slug, found))


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
    template = "playground/run.html" if request.headers.get("HX-Request") else "playground/experiment.html"
    return render(request, template, context)


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
    file = f"playground/lab/experiments/{slug.replace('-', '_')}.py"
    return {"slug": slug, "experiment": found, "file": file, "following": following, "current": "lab"}


def _sides(found: Any, events: list[runs_at_once.Event]) -> list[SideShown]:
    return [
        _side("naive", "The naive version", found.NAIVE, events),
        _side("ours", "cachedemo", found.OURS, events),
    ]


def _side(name: str, label: str, why: str, events: list[runs_at_once.Event]) -> SideShown:
    mine = [event for event in events if event.get("side") == name]
    told = [event for event in mine if event["kind"] in ("step", "note")]
    actors = list(dict.fromkeys(event["actor"] for event in told if event["kind"] == "step"))
    for event in told:
        event["lane"] = actors.index(event["actor"]) + 1 if "actor" in event else 0
    return SideShown(name, label, told, next((e for e in mine if e["kind"] == "finding"), None), why, actors)
