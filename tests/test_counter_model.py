"""The model of increments: a quick part of what `make model` checks, and that no mutant of it is without a real one."""

import pytest

from tests import counter_model, mutants


@pytest.mark.parametrize("actors", ["I F R", "I I R", "I I F", "I Z F", "I W R", "I Y F", "Y Y R"])
def test_no_increment_is_lost_or_counted_twice_in_any_interleaving(actors):
    states, violation = counter_model.check(actors)
    assert violation is None
    assert states > 1000


@pytest.mark.parametrize("actors", ["I G R", "I W R", "Y I G", "I G Y", "I I G T", "I I G V"])
def test_nor_where_the_database_refuses_some(actors):
    states, violation = counter_model.check(actors, refuses=True)
    assert violation is None
    assert states > 1000


@pytest.mark.parametrize(("actors", "mutant", "more"), counter_model.MUTANTS)
def test_each_rule_is_needed(actors, mutant, more):
    _, violation = counter_model.check(actors, **{mutant: True}, **more)
    assert violation not in (None, "CAP")


def test_each_mutant_of_the_model_is_put_into_the_real_code_too():
    assert {mutant for _, mutant, _ in counter_model.MUTANTS} <= {mutant.name for mutant in mutants.MUTANTS}
