"""A wheel of cachedemo, built from a copy and installed into a folder of its own."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tests.environment import ROOT
from tests.helpers import missing

SOURCES = ("cachedemo", "examples", "pyproject.toml", "README.md", "LICENSE")
NEEDS = 77  # the setuptools that pyproject.toml asks for
TIMEOUT = 120  # seconds, if pip fetches setuptools first


def build(folder: Path) -> Path:
    """Build it from a copy: setuptools leaves a folder behind that the next wheel would be filled from."""
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    here = ["--no-build-isolation"] if _has_setuptools() else []
    built = _pip("wheel", str(folder), "--no-deps", *here, "--wheel-dir", str(folder / "built"))
    if built.returncode and not here:
        missing(f"setuptools {NEEDS} is not installed, and pip cannot fetch it:\n{built.stderr}")
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "built").glob("cachedemo-*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install it into a folder, alone."""
    done = _pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    assert done.returncode == 0, done.stderr
    return folder


def _has_setuptools() -> bool:
    try:
        return int(metadata.version("setuptools").split(".")[0]) >= NEEDS
    except metadata.PackageNotFoundError:
        return False


def _pip(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
