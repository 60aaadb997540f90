"""The search that the models share finds what is wrong by the shortest way, and says when it does not know."""

import pytest

from tests.model_search import CAP, search, show


def count_up(state: int) -> list[tuple[int, str]]:
    return [(state + 1, f"one more: {state + 1}"), (state + 2, f"two more: {state + 2}")]


def test_the_trace_is_a_shortest_one():
    states, found = search(0, count_up, lambda state, words: words if state == 4 else None, cap=100)
    assert found == ["two more: 2", "two more: 4"]
    assert states == 5


def test_a_step_may_be_wrong_though_its_state_has_been_seen():
    steps = {0: [(1, "one"), (2, "two")], 1: [(2, "STALE")], 2: []}
    _, found = search(0, steps.__getitem__, lambda _, words: words if words == "STALE" else None, cap=100)
    assert found == ["one", "STALE"]


@pytest.mark.parametrize(
    ("found", "right", "right_for_a_mutant"),
    [(None, True, False), (["a step"], False, True), (CAP, False, False)],
    ids=["nothing", "a violation", "gave up"],
)
def test_only_a_search_to_the_end_holds_and_only_a_violation_breaks_a_mutant(found, right, right_for_a_mutant, capsys):
    def check(actors, **options):
        return 3, found

    assert show(check, "A B", "A B") == right
    assert show(check, "A B", "A B", must_fail=True) == right_for_a_mutant
    assert capsys.readouterr().out
