"""The form of a slot's key, `v<version>:<name>:<primary key>`, for those who find keys and ask whose they are.

The name has the database's alias (`user@acme`) where that is not the default, and the project's KEY_PREFIX stands
before all of it.
"""

import re

from cachedemo.protocol import aliases
from cachedemo.servers.key_prefix import prefix

VERSION = "[0-9]{1,9}"  # what a version looks like in a key
_GLOB = re.compile(r"([*?\[\]\\])")
PREFIX = re.compile(rf"v({VERSION}):([^:]+):")


def parts(key: str) -> tuple[str, str, str] | None:
    """Return version, model's name and primary key that a key names; None if it is not of our form."""
    unprefixed = PREFIX.search(key)
    if unprefixed is None or key[: unprefixed.start()] != prefix(aliases.split(unprefixed[2])[1]):
        return None
    return unprefixed[1], unprefixed[2], key[unprefixed.end() :]


def is_ours(key: str) -> bool:
    """Say whether a key has the form of a slot's."""
    return parts(key) is not None


def pattern(prefix: str) -> str:
    """Return the SCAN pattern for keys that begin with exactly this text."""
    return _GLOB.sub(r"\\\1", prefix) + "*"
