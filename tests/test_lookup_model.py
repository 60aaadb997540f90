"""The model of lookups: a quick part of what `make model` checks, and that no mutant of it is without a real one."""

import re
from pathlib import Path

import pytest

from tests import lookup_model, mutants


@pytest.mark.parametrize("actors", ["P Q R", "S R", "S R R", "P A J R", "P U R", "S J R", "S C", "k C"])
def test_lookups_hold_in_every_interleaving(actors):
    states, violation = lookup_model.check(actors)
    assert violation is None
    assert states > 500


@pytest.mark.parametrize(("actors", "mutant"), [*lookup_model.MUTANTS[:4], *lookup_model.MUTANTS[-3:]])
def test_the_model_has_teeth(actors, mutant):
    _, violation = lookup_model.check(actors, **{mutant: True})
    assert "STALE" in violation[-1]


def test_each_mutant_of_the_model_is_put_into_the_real_code_too():
    modelled = set(re.findall(r"R\.get\('(\w+)'\)", Path(lookup_model.__file__).read_text()))
    assert modelled == {name for _, name in lookup_model.MUTANTS}
    assert modelled <= {mutant.name for mutant in mutants.MUTANTS}
