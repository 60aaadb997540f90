"""The model of a queue in shards: a quick part of what `make model` checks, and each mutant of it is a real one too."""

import pytest

from tests import mutants, shard_model


@pytest.mark.parametrize("actors", ["X B0 R", "X W0 R", "X B0 F", "X X B0", "X Y B0"])
@pytest.mark.parametrize("back", [False, True])
def test_the_number_of_shards_changes_in_every_interleaving(actors, back):
    states, violation = shard_model.check(actors, back=back)
    assert violation is None
    assert states > 500


@pytest.mark.parametrize(("actors", "mutant", "more"), shard_model.MUTANTS)
def test_each_rule_is_needed(actors, mutant, more):
    _, violation = shard_model.check(actors, **{mutant: True}, **more)
    assert violation not in (None, "CAP")


def test_each_mutant_of_the_model_is_put_into_the_real_code_too():
    assert {mutant for _, mutant, _ in shard_model.MUTANTS} <= {mutant.name for mutant in mutants.MUTANTS}
