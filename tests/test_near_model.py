"""The model of the near cache: a quick part of what `make model` checks, and that no mutant is without a real one."""

import re
from pathlib import Path

import pytest

from tests import mutants, near_model


@pytest.mark.parametrize(("actors", "options"), near_model.HOLD[2:8])
def test_copies_hold_in_every_interleaving(actors, options):
    states, violation = near_model.check(actors, **options)
    assert violation is None
    assert states > 500


@pytest.mark.parametrize(("actors", "mutant", "options"), near_model.MUTANTS)
def test_the_model_has_teeth(actors, mutant, options):
    _, violation = near_model.check(actors, **options, **{mutant: True})
    assert "STALE" in violation[-1]


def test_each_mutant_of_the_model_is_put_into_the_real_code_too():
    modelled = set(re.findall(r"R\.get\('(\w+)'\)", Path(near_model.__file__).read_text()))
    assert modelled == {name for _, name, _ in near_model.MUTANTS}
    assert modelled <= {mutant.name for mutant in mutants.MUTANTS}
