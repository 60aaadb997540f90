"""The measurements in the browser: started here, run in a process of their own."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from playground import keep, runs_at_once
from playground.access import playground_page
from playground.bench.report import sections
from playground.bench.run import Report

KIND = "bench"


@playground_page("POST")
def bench(request: HttpRequest) -> HttpResponse:
    """Tell what is measured; measure when asked to."""
    if request.method != "POST":
        last = _last()
        return render(request, "playground/bench.html", {"current": "bench", "earlier": sections(last) if last else []})
    quick = ["--quick"] if "quick" in request.POST else []
    try:
        return redirect("bench-run", run=runs_at_once.start(KIND, ["manage.py", "cache_bench", "--events", *quick]))
    except runs_at_once.Busy:
        return render(request, "playground/bench.html", {"current": "bench", "busy": True}, status=503)


@playground_page()
def run(request: HttpRequest, run: str) -> HttpResponse:
    """Show how far it is, and at last the figures; a poll gets the same without the page around it."""
    told = runs_at_once.events(KIND, run)
    if told is None:
        raise Http404(f"No measurement {run} is kept any more.")
    events, going = told
    report = next((event["report"] for event in events if event["kind"] == "report"), None)
    context = {
        "run": run,
        "going": going and report is None,
        "progress": next((event for event in reversed(events) if event["kind"] == "progress"), None),
        "sections": sections(report) if report else [],
        "failed": not going and report is None,
        "current": "bench",
    }
    template = "playground/bench_run.html" if "part" in request.GET else "playground/bench.html"
    return render(request, template, context)


def _last() -> Report | None:
    """Return the figures of the last measurement that came to its end, to look at before the next; None if none did."""
    files = sorted(keep.folder(KIND).glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for file in files:
        told = runs_at_once.events(KIND, file.stem)
        for event in reversed(told[0] if told else []):
            if event["kind"] == "report" and "reads" in event["report"]:
                return event["report"]
    return None
