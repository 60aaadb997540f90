"""Every experiment of the lab on real servers: the naive side shows the fault, ours does not, under one assertion."""

import json
import subprocess
import sys
from typing import Any

import pytest

from playground import naive
from playground.lab import diagram
from playground.lab.experiments import EXPERIMENTS
from playground.lab.slugs import SLUGS
from tests.environment import ROOT
from tests.processes import children_of
from users.models import User

SIDES = ("naive", "ours")
NUMBERS = {
    "stale-fill": ("stale reads of 10", "10", "0"),
    "invalidate-first": ("stale reads of 10", "10", "0"),
    "opposite-order": ("returned by the last read", "first", "second"),
    "stampede": ("answered", "50", "50"),
    "killed-flusher": ("lost", "10", "0"),
    "cache-killed": ("reads answered of 10", "0", "10"),
    "schema-change": ("crashed with KeyError", "10", "0"),
    "evicted-before-flush": ("lost", "5", "0"),
    "flushdb-pending": ("lost", "5", "0"),
}


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> list[dict[str, Any]]:
    """One run of all experiments, in the process that the page would start."""
    folder = tmp_path_factory.mktemp("lab")
    output = subprocess.run(
        [sys.executable, "-m", "playground.lab"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)},
    )  # fmt: skip
    assert output.returncode == 0, output.stdout[-1000:] + output.stderr
    assert list(folder.iterdir()) == [], "it leaves nothing behind"
    return [json.loads(line) for line in output.stdout.splitlines()]


def finding(events, slug: str, side: str) -> dict[str, Any]:
    [found] = [
        each for each in events if each["kind"] == "finding" and each["side"] == side and each["experiment"] == slug
    ]
    return found


def test_the_list_is_the_issues():
    assert list(EXPERIMENTS) == list(SLUGS) == list(NUMBERS)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_naive_side_shows_the_fault_and_ours_does_not(events, slug):
    label, of_naive, of_ours = NUMBERS[slug]
    naive, ours = finding(events, slug, "naive"), finding(events, slug, "ours")
    assert (naive["broken"], ours["broken"]) == (True, False)
    assert dict(naive["numbers"])[label] == of_naive
    assert dict(ours["numbers"])[label] == of_ours


def test_a_stampede_is_one_load_with_us_and_one_for_nearly_every_reader_without(events):
    loads = {side: int(dict(finding(events, "stampede", side)["numbers"])["loads from the database"]) for side in SIDES}
    assert loads["ours"] == 1
    assert loads["naive"] > 10, "on a busy machine the last readers may come after the first fill"


@pytest.mark.parametrize("slug", SLUGS)
def test_each_tells_what_it_is_and_why_in_one_sentence(slug):
    experiment = EXPERIMENTS[slug]
    for words in (experiment.TITLE, experiment.STORY, experiment.ASSERTION, experiment.NAIVE, experiment.OURS):
        assert words
    for sentence in (experiment.ASSERTION, experiment.NAIVE, experiment.OURS):
        assert sentence.count(". ") == 0, "one sentence"


def test_both_sides_of_a_race_tell_their_steps(events):
    for side in ("naive", "ours"):
        actors = [
            e["actor"] for e in events if e["experiment"] == "stale-fill" and e["kind"] == "step" and e["side"] == side
        ]
        assert {"reader", "writer", "later reader"} == set(actors)
        raced = [actor for actor in actors if actor != "later reader"]
        assert raced[0] == raced[-1] == "reader", "the reader begins and ends, the writer comes between"


def drawn(events, slug: str, side: str) -> diagram.Diagram:
    mine = [e for e in events if e["experiment"] == slug and e.get("side") == side and e["kind"] in ("step", "note")]
    return diagram.diagram(mine, EXPERIMENTS[slug].BREAKS if side == "naive" else None)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_step_that_breaks_is_marked_on_the_naive_side_and_nothing_on_ours(events, slug):
    assert any(row.wrong for row in drawn(events, slug, "naive").rows)
    assert not any(row.wrong for row in drawn(events, slug, "ours").rows)


@pytest.mark.parametrize("slug", SLUGS)
def test_each_side_is_drawn_step_by_step(events, slug):
    for side in SIDES:
        found = drawn(events, slug, side)
        steps = [row for row in found.rows if row.kind == "step"]
        assert steps
        assert all(row.x in found.lines and row.to in found.lines and row.x != row.to for row in steps)


@pytest.mark.parametrize("slug", ["stale-fill", "invalidate-first", "opposite-order"])
def test_the_stale_read_itself_is_shown(events, slug):
    assert "stale" in drawn(events, slug, "naive").rows[-1].text
    assert drawn(events, slug, "ours").rows[-1].text in ("The read returns “new”.", "The read returns “second”.")


def test_a_run_with_a_mistake_says_so_and_ends():
    output = subprocess.run(
        [sys.executable, "-m", "playground.lab", "no-such-thing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert output.returncode == 2
    assert "stale-fill" in output.stderr


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("write", [naive.update_user, naive.put_user, naive.put_user_behind])
def test_the_naive_version_is_no_straw_man_it_works_while_nobody_races(write):
    assert naive.get_user(1)["name"] == "Alice Singh"
    write({"id": 1, "name": "Al", "email": "alice@example.com"})
    assert naive.get_user(1)["name"] == "Al"
    naive.flush()
    assert User.objects.get(pk=1).name == "Al"


def test_the_naive_module_is_used_by_the_lab_and_the_lesson_only():
    importers = [
        str(path.relative_to(ROOT))
        for package in ("cachedemo", "users", "playground", "demo", "config")
        for path in (ROOT / package).rglob("*.py")
        if "import naive" in path.read_text() or "playground.naive" in path.read_text()
    ]
    assert sorted(importers) == ["playground/lab/sides.py", "playground/lesson/two_writers.py"]


def test_a_run_ends_with_the_process_that_started_it(tmp_path):
    code = (
        "import subprocess, sys, os\n"
        "child = subprocess.Popen([sys.executable, '-m', 'playground.lab', '--pace', '0.2', 'stale-fill'],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    from tests.helpers import until
    from tests.processes import is_alive

    child = int(answer.stdout)
    until(lambda: not is_alive(child), timeout=10)
    assert not children_of(child)
