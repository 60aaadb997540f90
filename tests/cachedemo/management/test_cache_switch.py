"""`manage.py cache_switch`: what it prints, what it asks, and how it ends."""

import io
import json
import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cachedemo.operations import history, switch
from tests.operators import operator
from tests.processes import Process


def run(*arguments: str, **options: Any) -> str:
    stdout = io.StringIO()
    call_command("cache_switch", *arguments, stdout=stdout, stderr=io.StringIO(), **options)
    return stdout.getvalue()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed where it asks; with nothing left, there is nobody."""
    answers: list[str] = []

    def typed(question: str) -> str:
        if not answers:
            raise EOFError
        return answers.pop()

    monkeypatch.setattr("builtins.input", typed)
    return answers


def test_off_and_on_say_what_was_done(notes: Any) -> None:
    notes.get(1)
    notes.via("write-behind").update(2, title="new")
    assert "notes.Note: switched off, 1 row flushed, 2 slots emptied." in run("off", "notes.Note")
    assert "flush:notes is switched off since" in run("status", "notes.Note")
    assert "notes.Note: switched on, 0 slots emptied." in run("on", "notes.Note", "--yes")
    assert run() == run("status")
    assert "flush:notes is on." in run()


def test_models_that_it_cannot_reach_are_named(notes: Any) -> None:
    assert "as before: notes.Tag" in run("off")


@pytest.mark.parametrize("said", ["", "n", None])
def test_on_asks_first_and_stays_off_unless_it_is_told_yes(notes: Any, answers: list[str], said: str | None) -> None:
    run("off", "notes.Note")
    answers.extend([] if said is None else [said])
    with pytest.raises(CommandError, match="Not switched on"):
        run("on", "notes.Note")
    assert "switched off since" in run("status", "notes.Note")
    answers.append("y")
    assert "switched on" in run("on", "notes.Note")


def test_json_is_one_object(notes: Any) -> None:
    notes.get(1)
    assert json.loads(run("off", "notes.Note", "--json")) == {
        "action": "off",
        "flushed": 0,
        "slots": 1,
        "as_before": [],
    }
    told = json.loads(run("status", "notes.Note", "--json"))
    assert told["enabled"] is True
    [queue] = [each for each in told["queues"] if each["queue"] == "flush:notes"]  # of any database that tests had
    assert (queue["queue"], queue["state"], queue["waiting"]) == ("flush:notes", "closed", 0)
    assert queue["since"] > 0


def test_what_is_begun_and_not_finished_ends_with_an_error(notes: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    notes.table.queue.claim(1, 600, 5)
    with pytest.raises(CommandError, match="still waiting"):
        run("off", "notes.Note", "--timeout", "0.1")
    with pytest.raises(CommandError, match="not finished"):
        run("status", "notes.Note")


def test_dead_letters_are_named_with_what_to_do(notes: Any) -> None:
    notes.table.queue.enqueue(1, 0, 1000, {"title": "refused"}, None)
    [claim], _ = notes.table.queue.claim(500, 600, 5)
    notes.table.queue.bury(claim, "IntegrityError: no")
    with pytest.raises(CommandError, match=r"1 dead letter.*cache_dead_letters"):
        run("off", "notes.Note")


def test_rows_that_nothing_would_be_loaded_into_are_not_said_to_be_loaded(notes: Any) -> None:
    run("off", "notes.Note")
    said, also = io.StringIO(), io.StringIO()
    call_command("cache_warm", "notes.Note", "--all", stdout=said, stderr=also)
    assert (said.getvalue(), "Nothing is loaded" in also.getvalue()) == ("", True)


def test_ctrl_c_says_how_it_stands(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(caches: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(switch, "sweep", interrupted)
    with pytest.raises(CommandError, match=r"Interrupted.*begun and not finished") as ended:
        run("off", "notes.Note")
    assert ended.value.returncode == 130


def test_the_history_names_who_did_it(notes: Any) -> None:
    user = operator("manage_queue")
    run("off", "notes.Note", "--user", user.username)
    assert "by olga" in run("status", "notes.Note")
    run("on", "notes.Note", "--yes", "--user", user.username)
    events = history.events(history.entries())
    assert [(event.who, event.action, event.target, event.outcome) for event in events] == [
        ("olga", "Switched on", "notes.Note", "done"),
        ("olga", "Switched off", "notes.Note", "done"),
    ]


def test_a_user_who_is_not_there_switches_nothing(notes: Any, redis_queue: Any) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        run("off", "--user", "nobody")
    assert list(redis_queue.scan_iter("*closed*")) == []


def test_without_the_queue_it_ends_with_its_error(notes: Any, queue_server: Any, short_timeouts: None) -> None:
    queue_server.kill()
    for action in ("status", "off"):
        with pytest.raises(CommandError, match="queue"):
            run(action)


def test_switched_off_by_its_setting_it_can_tell_nobody(settings: Any) -> None:
    settings.CACHEDEMO = {"ENABLED": False}
    assert "ENABLED" in run("status")
    for action in ("off", "on"):
        with pytest.raises(CommandError, match="ENABLED"):
            run(action)


def test_ctrl_c_ends_a_drain_that_waits(notes: Any, run_python: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    notes.table.queue.claim(1, 600, 5)  # somebody has it, and does not come back
    process: Process = run_python("manage.py", "cache_switch", "off", "notes.Note")
    process.says("Closed", timeout=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "Traceback" not in process.output()
    assert "begun and not finished" in process.output()
