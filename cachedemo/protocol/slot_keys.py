"""The form of a slot's key, `v<version>:<name>:<primary key>`, for those who find keys and ask whose they are."""

import re

VERSION = "[0-9]{1,9}"  # what a version looks like in a key
_GLOB = re.compile(r"([*?\[\]\\])")
PREFIX = re.compile(rf"v({VERSION}):([^:]+):")


def parts(key: str) -> tuple[str, str, str] | None:
    """Return version, model and primary key that a key names; None if it is not of our form."""
    found = PREFIX.match(key)
    return (found[1], found[2], key[found.end() :]) if found else None


def is_ours(key: str) -> bool:
    """Say whether a key has the form of a slot's."""
    return parts(key) is not None


def pattern(prefix: str) -> str:
    """Return the SCAN pattern for keys that begin with exactly this text."""
    return _GLOB.sub(r"\\\1", prefix) + "*"
