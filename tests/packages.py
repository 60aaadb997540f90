"""What pyproject.toml asks for, and an environment that has only that: links to the packages installed here."""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environment import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}


EVERYTHING = [each for name, extra in EXTRAS.items() if name != "all" for each in extra]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of what is installed if these are: they, and what they need here."""
    found, left = set[tuple[str, str]](), [(each, "") for each in requirements]
    while left:
        requirement, wanted_by = left.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": wanted_by}):
            continue
        for extra in {"", *requirement.extras} - {extra for name, extra in found if name == requirement.name}:
            found.add((requirement.name, extra))
            left += [(Requirement(line), extra) for line in metadata.requires(requirement.name) or ()]
    return {canonicalize_name(name) for name, _ in found}


def link(folder: Path, requirements: Iterable[Requirement]) -> Path:
    """Fill a folder with links to the packages that these requirements bring, and to no others.

    `python -S` with this folder in PYTHONPATH is an environment where nothing else is installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in closure(requirements):
        distribution = metadata.distribution(name)
        tops = {path.parts[0] for path in distribution.files or () if ".." not in path.parts}
        for top in tops - {"__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder
