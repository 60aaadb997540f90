"""The protocol's model: a quick part of what `make model` checks, and that no mutant of it is without a real one."""

import re
from pathlib import Path

import pytest

from tests import mutants, protocol_model

SAVES = ("M0 B1 R", "S0 B1 F", "E0 B1 F")
# Only ever together with another, and no mutants but what the source, the cache, the manager or a trigger does.
COMPANIONS = {"no_supersede", "refuses", "comes_back", "manager", "triggers"}


@pytest.mark.parametrize(
    "actors",
    [
        "W0 R R",
        "C0 C1 R",
        "B0 F R",
        "B0 B1 R",
        "W0 B1 R",
        "D B0 R",
        "M0 B1 R",
        "S0 B1 F",
        "E0 B1 F",
        "X0 B1 R",
        "U0 W1 R",
    ],
)
def test_the_protocol_holds_in_every_interleaving(actors):
    states, violation = protocol_model.check(actors, evicts=2)
    assert violation is None
    assert states > 100


@pytest.mark.parametrize("actors", ["K R Z R", "H R Z R"])
def test_it_holds_where_the_version_of_a_new_row_is_deleted(actors):
    _, violation = protocol_model.check(actors, evicts=1, alive=False)
    assert violation is None


@pytest.mark.parametrize("actors", ["B1 W0 R", "B1 G C1 R", "B1 G M1 R", "B1 W0 W1 T", "B1 G Y R"])
def test_what_is_refused_stays_where_it_is_in_every_interleaving(actors):
    states, violation = protocol_model.check(actors, evicts=1, kills=0, refuses=True)
    assert violation is None
    assert states > 100


@pytest.mark.parametrize("actors", ["W1 R R", "M1 W0 R", "M1 B0 R", "Q1 B0 R", "B1 W0 R", "B1 F R"])
def test_what_a_manager_hides_is_read_by_nobody_in_any_interleaving(actors):
    states, violation = protocol_model.check(actors, evicts=1, manager=True)
    assert violation is None
    assert states > 100


@pytest.mark.parametrize("actors", ["W0 R J", "B0 F R J", "B1 F R J"])
def test_what_a_trigger_makes_of_a_row_is_cached_in_every_interleaving(actors):
    states, violation = protocol_model.check(actors, evicts=1, at_rest=True, triggers=True)
    assert violation is None
    assert states > 100


@pytest.mark.parametrize("actors", ["C0 R P R", "B0 F P R", "U0 R P R"])
def test_nothing_that_a_cache_has_forgotten_in_a_failover_is_read(actors):
    states, violation = protocol_model.check(actors, evicts=1)
    assert violation is None
    assert states > 100


@pytest.mark.parametrize("actors", ["N A0 R I", "N B0 F A1 R", "N N I A0 R", "N M0 A1 R", "N D A0 R"])
def test_an_operator_may_switch_off_and_on_in_every_interleaving(actors):
    states, violation = protocol_model.check(actors, evicts=1)
    assert violation is None
    assert states > 100


def test_the_model_has_teeth():
    _, violation = protocol_model.check("W0 B1 R", evicts=2, publish_spares_mark=True)
    assert "STALE" in violation[-1]


def test_each_mutant_of_the_model_is_put_into_the_real_code_too():
    text = Path(protocol_model.__file__).read_text()
    modelled = set(re.findall(r"R\.get\('(\w+)'\)", text)) | set(re.findall(r"'[LT]': '(\w+)'", text))
    assert modelled - COMPANIONS <= {mutant.name for mutant in mutants.MUTANTS}
