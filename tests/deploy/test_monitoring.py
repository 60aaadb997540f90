"""The dashboard and the alerts in deploy/ ask for metrics that there are, with labels that they have."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from cachedemo.operations.metrics import COUNTERS, HISTOGRAMS, _Metrics
from tests.documents import Document
from tests.environment import ROOT

RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy/grafana/cachedemo.json").read_text())
ASKED = {rule["alert"]: rule["expr"] for rule in RULES} | {
    f"{panel['title']}, {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}


def series(metric: Metric) -> Iterator[tuple[str, set[str]]]:
    """Return the names under which Prometheus keeps a metric, with its labels."""
    labels = set(getattr(metric, "_labelnames", ()))
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(metric.type, [""])
    for ending in endings:
        yield metric.name + ending, labels | ({"le"} if ending == "_bucket" else set())


def family(name: str) -> str:
    return re.sub("_(bucket|sum|count)$", "", name)


@pytest.fixture
def there(people: Any) -> dict[str, set[str]]:
    return dict(each for metric in _Metrics().collect() for each in series(metric))


@pytest.mark.parametrize("asked", ASKED)
def test_each_query_names_metrics_that_there_are_and_their_labels(there: dict[str, set[str]], asked: str) -> None:
    query = ASKED[asked]
    names = set(re.findall(r"\bcachedemo_\w+", query))
    assert names
    assert names <= there.keys()
    labels = set.union(*(there[name] for name in names))
    matched = re.findall(r"(\w+)=~?\"", query)
    grouped = [label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")]
    assert {*matched, *grouped} <= labels
    assert query.count("(") == query.count(")")


def test_every_metric_is_on_the_dashboard(there: dict[str, set[str]]) -> None:
    shown = {family(name) for name in re.findall(r"\bcachedemo_\w+", " ".join(ASKED.values()))}
    assert {family(name) for name in there} == shown
    assert len(COUNTERS) + len(HISTOGRAMS) < len(there)


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_what_the_alerts_say_of_a_command_is_one() -> None:
    from django.core.management import get_commands

    named = set(re.findall(r"manage\.py (\w+)", json.dumps(RULES)))
    assert named <= get_commands().keys()


def test_the_document_lists_every_metric(there: dict[str, set[str]]) -> None:
    tables = Document("docs/operating.md").tables()
    [rows] = [rows for rows in tables if rows[0][0].startswith("`cachedemo_")]
    said = {name.strip("`") for row in rows for name in row[0].split(", ")}
    assert said == {family(name) for name in there}
