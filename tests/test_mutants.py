"""The mutants, without running one: their lines and tests are there, and docs/reliability.md tells the same of them."""

import ast
import re

import pytest

from tests.documents import Document
from tests.environment import ROOT
from tests.mutants import MUTANTS, Mutant, standing

RELIABILITY = Document("docs/reliability.md")
CLAIMS = RELIABILITY.tables("Claim by claim")[0]


def named(each: Mutant) -> str:
    return each.name


def test_no_two_mutants_have_one_name() -> None:
    names = [each.name for each in MUTANTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_the_line_that_a_mutant_breaks_stands_there_once(mutant: Mutant) -> None:
    for change in mutant.changes:
        assert standing(change, ROOT) == 1, f"{change.old!r} in {change.file}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_the_test_that_catches_a_mutant_exists(mutant: Mutant) -> None:
    file, _, name = without_parameters(mutant.test).partition("::")
    tests = {each.name for each in ast.parse((ROOT / file).read_text()).body if isinstance(each, ast.FunctionDef)}
    assert name in tests, f"{file} has no {name}"


def test_every_mutant_is_listed() -> None:
    assert {each.name for each in MUTANTS} <= {word for word in RELIABILITY.code() if re.fullmatch("[a-z_]+", word)}


@pytest.mark.parametrize(("claim", "shown", "mutants"), CLAIMS)
def test_a_claim_names_the_tests_that_catch_its_mutants(claim: str, shown: str, mutants: str) -> None:
    for name in re.findall(r"`(\w+)`", mutants):
        [mutant] = [each for each in MUTANTS if each.name == name]
        assert f"`{without_parameters(mutant.test)}`" in shown, f"{claim}: {name} is caught by {mutant.test}"


def without_parameters(test: str) -> str:
    return test.partition("[")[0]
