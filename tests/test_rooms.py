"""The rooms: no circle of imports, redis-py and Celery each imported in one place, and few entries at the top."""

from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.imports import Tree

PACKAGES = ("cachedemo", "users", "playground", "demo", "config")
AT_THE_TOP = 30

TREE = Tree(ROOT, PACKAGES)


def test_no_file_imports_itself_by_way_of_others() -> None:
    circle = TREE.circle()
    assert not circle, f"a circle of imports: {' → '.join(circle)}"


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("redis", ("cachedemo.servers.",)),
        ("celery", ("cachedemo.tasks", "cachedemo.checks.celery_app", "config.celery")),
    ],
)
def test_a_library_is_imported_in_its_place_only(library: str, places: tuple[str, ...]) -> None:
    importers = {module for module in TREE.files if library in {name.split(".")[0] for name in TREE.imports(module)}}
    assert importers, f"nobody imports {library}"
    elsewhere = {module for module in importers if not module.startswith(places)}
    assert not elsewhere, f"{library} is imported in {', '.join(sorted(elsewhere))}"


def test_the_app_has_few_entries_at_its_top() -> None:
    entries = {path.name for path in (ROOT / "cachedemo").iterdir()} - {"__pycache__"}
    assert len(entries) <= AT_THE_TOP, sorted(entries)


# What the tests above rest on, on a small package of their own


@pytest.fixture
def small(tmp_path: Path) -> dict[str, str]:
    """A package without a circle: its `__init__` imports what its modules do not import back."""
    return {
        "__init__": "from small.top import high",
        "top": "from small import middle\n\ndef high(): ...",
        "middle": "import small.bottom\nfrom small.bottom import low",
        "bottom": "from . import deep\n\ndef low(): ...",
        "deep/__init__": "from .well import water",
        "deep/well": "import json\n\nwater = json.dumps('water')",
    }


def circle_of(files: dict[str, str], folder: Path) -> list[str] | None:
    for name, text in files.items():
        path = folder / "small" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(folder, ("small",)).circle()


def test_a_tree_without_a_circle_is_accepted(small: dict[str, str], tmp_path: Path) -> None:
    assert circle_of(small, tmp_path) is None


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("bottom", "def low():\n    from small.top import high\n    return high"),
        ("bottom", "def low():\n    from small import top\n    return top"),
        ("bottom", "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import small.top"),
        ("deep/well", "from ..middle import low"),
        ("deep/well", "from .. import top"),
        ("deep/well", "from . import water"),
        ("bottom", "import small"),
        ("bottom", "from small import high"),
    ],
    ids=[
        "inside a function",
        "a module inside a function",
        "for types only",
        "relative",
        "a module, relative",
        "a package's own __init__",
        "the __init__ on top",
        "a name of the __init__ on top",
    ],
)
def test_a_circle_is_found(small: dict[str, str], tmp_path: Path, name: str, back: str) -> None:
    circle = circle_of(
        {**small, "bottom": "from . import deep", name: back, "deep/__init__": small["deep/__init__"]}, tmp_path
    )
    assert circle
    assert circle[0] == circle[-1]
