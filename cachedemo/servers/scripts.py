"""A Lua script, sent once and called by its digest from then on."""

import hashlib
import re


class Script:
    """A script for `Role.script`.

    Args:
        name: how a trace calls it.
        source: Lua, with its `#!lua` line.
        reaches_further: whether it works on keys that it is not told, in the hash slot of its first one. A cluster must
            not be moving these.
    """

    def __init__(self, name: str, source: str, *, reaches_further: bool = False) -> None:
        self.name = name
        self.source = source
        self.reaches_further = reaches_further
        self.commands = {word.lower() for word in re.findall(r"redis\.p?call\('(\w+)'", source)}  # that it may send
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


# Does nothing, and is refused where a write would be. Memory is no matter: slots are emptied without any.
MAY_WRITE = Script("may write", "#!lua flags=allow-oom,allow-cross-slot-keys\nreturn 'PONG'")

# The same of what is queued, which does need memory.
MAY_QUEUE = Script("may queue", "#!lua flags=allow-cross-slot-keys\nreturn 'PONG'")
