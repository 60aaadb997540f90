"""The same script through the three patterns, in parallel columns."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from playground import keep
from playground.access import playground_page
from playground.charts import Chart, Value, chart
from playground.comparison import STEPS
from playground.comparison import compare as run_script
from users.pages import words

KIND = "compare"
LEGEND = [
    ("database", "waits for the database"),
    ("queue", "waits for the queue"),
    ("cache", "the cache has it"),
]


@playground_page("POST")
def compare(request: HttpRequest) -> HttpResponse:
    """Run the script when asked to, and show what came of it."""
    if request.method == "POST":
        return redirect(f"{reverse('compare')}?result={keep.save(KIND, run_script())}")
    wanted = request.GET.get("result")
    result = keep.load(KIND, wanted) or keep.newest(KIND)
    context = {"current": "compare", "steps": STEPS, "is_an_earlier_one": not wanted}
    return render(request, "playground/compare.html", context | _shown(result))


def _shown(result: dict[str, Any] | None) -> dict[str, Any]:
    if result is None:
        return {}
    columns = result["columns"]
    rows = [(name, [_cell(column["cells"][n]) for column in columns]) for n, name in enumerate(STEPS)]
    return {
        "patterns": [column["pattern"] for column in columns],
        "rows": rows,
        "differed": [_differed(column) for column in columns],
        "latency_ms": result["latency_ms"],
        "chart": _chart(columns),
    }


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    return cell | {"took": words.duration(cell["seconds"])}


def _differed(column: dict[str, Any]) -> str:
    seconds = column["differed"]
    return "more than 5 s: does a worker run?" if seconds is None else words.duration(seconds)


def _chart(columns: list[dict[str, Any]]) -> Chart:
    values = [
        Value(column["pattern"], cell["seconds"], words.duration(cell["seconds"]), _tone(cell), name)
        for n, name in enumerate(STEPS)
        for column in columns
        for cell in [column["cells"][n]]
    ]
    return chart("How long each step took", values, words.duration, LEGEND)


def _tone(cell: dict[str, Any]) -> str:
    """Return whom the step waited for longest: that is what its bar's colour says."""
    if cell["sql"]:
        return "database"
    return "cache" if cell["origin"] == "cache" else "queue"
