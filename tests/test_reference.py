"""The reference in docs/reference has whatever a project may import, and each of these says what it is."""

import inspect
import re
from importlib import import_module

import pytest

import cachedemo
from cachedemo import exceptions, signals, testing, views
from cachedemo.patterns.writer import Writer
from tests.environment import ROOT

SHOWN = {
    name
    for page in (ROOT / "docs/reference").glob("*.md")
    for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)
}
PUBLIC = {f"{module.__name__}.{name}" for module in (cachedemo, signals, testing, views) for name in module.__all__} | {
    f"{exceptions.__name__}.{name}"
    for name, kind in inspect.getmembers(exceptions, inspect.isclass)
    if kind.__module__ == exceptions.__name__
}


def test_every_public_name_is_in_the_reference() -> None:
    assert not PUBLIC - SHOWN


@pytest.mark.parametrize("name", sorted(SHOWN - {f"cachedemo.signals.{name}" for name in signals.__all__}))
def test_what_the_reference_shows_has_a_docstring(name: str) -> None:
    try:
        shown = import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        shown = getattr(import_module(module), last)
    assert inspect.getdoc(shown)


@pytest.mark.parametrize("kind", [cachedemo.ModelCache, Writer])
def test_each_method_of_a_cache_has_a_docstring(kind: type) -> None:
    methods = inspect.getmembers(kind, inspect.isfunction)
    assert not [method for method, function in methods if not method.startswith("_") and not inspect.getdoc(function)]
