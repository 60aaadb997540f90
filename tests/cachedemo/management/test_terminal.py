"""Tables and progress, with rich and without."""

import pytest

from cachedemo.management import terminal

HEADS = ("queue", "waiting")
ROWS = [("flush:notes", "[b]one[/b]"), ("", "two\nlines")]


def test_a_table_shows_values_as_they_are() -> None:
    drawn = terminal.table(HEADS, ROWS, 60)
    assert "[b]one[/b]" in drawn
    assert "│" in drawn


def test_without_rich_a_table_is_plain_text(without_rich: None) -> None:
    assert terminal.table(HEADS, ROWS, 60).splitlines() == [
        "queue        waiting",
        "flush:notes  [b]one[/b]",
        "             two\\nlines",
    ]


def test_progress_goes_to_the_errors_and_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress("v1:note:", 10) as show:
        show(5, 10)
    assert capsys.readouterr().out == ""


def test_without_rich_nothing_is_said_of_what_takes_less_than_a_second(
    without_rich: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "PLAIN_INTERVAL", 3600)
    with terminal.progress("v1:note:", 10) as show:
        show(5, 10)
    assert capsys.readouterr() == ("", "")


def test_without_rich_what_takes_longer_says_so_in_lines(
    without_rich: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "PLAIN_INTERVAL", 0)
    with terminal.progress("v1:note:", 10_000) as show:
        show(5000, 10_000)
        show(6000, None)
    assert capsys.readouterr() == ("", "v1:note:: 5,000 of 10,000\nv1:note:: 6,000\n")


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.extras, "has", lambda extra: False)
