"""How a chart is drawn: its lines, where they have a gap, and the top of its axis."""

from cachedemo.admin.chart_drawing import dots, path, round_up, thin


def test_a_chart_has_a_gap_where_nothing_is_known() -> None:
    assert path([0, 50, None, 100], 100) == "M0 100.0L1 50.0M3 0.0"
    assert [round_up(value) for value in (0, 0.3, 1, 3, 17, 99, 1002)] == [1, 0.5, 1, 5, 20, 100, 2000]
    assert thin([1, None, 3, None, None, None], 3, max) == [3, None]


def test_a_value_that_no_line_shows_is_a_dot() -> None:
    assert dots([0, 50, None, 100], 100) == "M3 0.0h0"
    assert dots([5], 10) == "M0 50.0h0"
    assert dots([None, 1, 2, 3], 10) == ""
