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


@playground_page("POST")
def compare(request: HttpRequest) -> HttpResponse:
    """Run the script when asked to, and show what came of it."""
    if request.method == "POST":
        return redirect(f"{reverse('compare')}?result={keep.save(KIND, run_script())}")
    result = keep.load(KIND, request.GET.get("result"))
    return render(request, "playground/compare.html", {"current": "compare", "steps": STEPS} | _shown(result))


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
        Value(
            column["pattern"], column["cells"][n]["seconds"], words.duration(column["cells"][n]["seconds"]), tone, name
        )
        for n, name in enumerate(STEPS)
        for column in columns
        for tone in [column["pattern"]]
    ]
    return chart("How long each step took", values, logarithmic=True)


def _bar(pattern: str, cell: dict[str, Any], step: str) -> Value:
    return Value(pattern, cell["seconds"], words.duration(cell["seconds"]), pattern, step)
