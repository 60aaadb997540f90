"""A Lua script, sent once and called by its digest from then on."""

import hashlib


class Script:
    """A script for `Role.script`.

    Args:
        name: how a trace calls it.
        source: Lua, with its `#!lua` line.
    """

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
