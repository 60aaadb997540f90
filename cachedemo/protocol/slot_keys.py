"""The form of a slot's key, `v<version>:<name>:<primary key>`, for those who find keys and ask whose they are.

In a cluster the primary key is in braces, `v<version>:<name>:{<primary key>}`, so that the slots of all versions of a
row are in one hash slot. Braces with nothing between them do not count: a key that is empty or begins with a brace has
a `~` before it, and so has one that begins with `~`.

The name has the database's alias (`user@acme`) where that is not the default, and the project's KEY_PREFIX stands
before all of it.
"""

import re
from typing import Any

from cachedemo.protocol import aliases
from cachedemo.servers.key_prefix import prefix
from cachedemo.servers.roles import CACHE

VERSION = "[0-9]{1,9}"  # what a version looks like in a key
_GLOB = re.compile(r"([*?\[\]\\])")
PREFIX = re.compile(rf"v({VERSION}):([^:]+):")


def parts(key: str) -> tuple[str, str, str] | None:
    """Return version, model's name and primary key that a key names; None if it is not of our form."""
    unprefixed = _beginning_of(key)
    if unprefixed is None:
        return None
    pk = unbraced(key[unprefixed.end() :]) if CACHE.is_cluster else key[unprefixed.end() :]
    return None if pk is None else (unprefixed[1], unprefixed[2], pk)


def name_in(beginning: str) -> str | None:
    """Return the model's name in a text that keys of ours may begin with; None if that is not whole in it."""
    found = _beginning_of(beginning)
    return None if found is None else found[2]


def _beginning_of(key: str) -> re.Match[str] | None:
    found = PREFIX.search(key)
    return None if found is None or key[: found.start()] != prefix(aliases.split(found[2])[1]) else found


def braced(pk: Any) -> str:
    """Return a primary key as it stands in a key of a cluster."""
    if type(pk) is int:  # as nearly all are
        return f"{{{pk}}}"
    text = str(pk)
    return f"{{~{text}}}" if text[:1] in ("", "}", "~") else f"{{{text}}}"


def unbraced(text: str) -> str | None:
    """Return the primary key of this part of a key, None if it has no braces around it."""
    if not (text.startswith("{") and text.endswith("}") and len(text) > 2):
        return None
    return text[2:-1] if text[1] == "~" else text[1:-1]


def is_ours(key: str) -> bool:
    """Say whether a key has the form of a slot's."""
    return parts(key) is not None


def pattern(prefix: str) -> str:
    """Return the SCAN pattern for keys that begin with exactly this text."""
    return _GLOB.sub(r"\\\1", prefix) + "*"
