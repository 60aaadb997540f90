"""What stands before every key of both roles: the project's `KEY_PREFIX`, and in a test run what keeps it to itself."""

from typing import Any

from cachedemo import conf
from cachedemo.servers import test_runs


def prefix(using: str = "default") -> str:
    """Return what every key begins with, inside the braces of a queue's keys.

    Asked at each call: a test run is recognised when it has begun, and `override_settings` takes effect at once.

    Args:
        using: alias of the database whose rows the keys are about.
    """
    configured = conf.key_prefix()
    return test_runs.prefix(using) + configured if test_runs.is_under_way(using) else configured


def ours(name: str) -> str:
    """Return the key of something that belongs to no model: all of these are in one hash slot."""
    return f"{{{prefix()}cachedemo}}:{name}"


class PrefixedKeys:
    """Remembers the last texts that were made of a prefix, since nearly every call has the same."""

    def __init__(self, using: str, make: Any) -> None:
        self._using = using
        self._make = make
        self._last: tuple[str | None, Any] = (None, None)

    def now(self) -> Any:
        """Return what `make` makes of the prefix."""
        current = prefix(self._using)
        last, made = self._last
        if last != current:
            made = self._make(current)
            self._last = (current, made)
        return made
