"""What stands before every key of both roles: the project's `KEY_PREFIX`, and in a test run what keeps it to itself."""

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


def in_use(using: str) -> str | None:
    """Return the same, or None where no server is asked: switched off, or in a test that has nothing in them yet."""
    configured = conf.prefix_if_enabled()
    if configured is None or not test_runs.is_under_way(using):
        return configured
    return prefix(using) if test_runs.needs_servers(using) else None


def ours(name: str) -> str:
    """Return the key of something that belongs to no model: all of these are in one hash slot."""
    return f"{{{prefix()}cachedemo}}:{name}"
