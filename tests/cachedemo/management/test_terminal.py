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


def test_without_rich_there_is_no_progress(without_rich: None, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress("v1:note:", 10) as show:
        show(5, 10)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.extras, "has", lambda extra: False)
