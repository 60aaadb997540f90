"""The model of a queue in shards: a quick part of what `make model` checks."""

import pytest

from tests import shard_model


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
