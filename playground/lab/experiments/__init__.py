"""The experiments. Each module has the same names: what it is, and `play`."""

from importlib import import_module
from types import ModuleType

from playground.lab.slugs import SLUGS

EXPERIMENTS: dict[str, ModuleType] = {slug: import_module(f"{__name__}.{slug.replace('-', '_')}") for slug in SLUGS}
