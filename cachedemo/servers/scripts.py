"""The Lua scripts: each is one atomic step of the protocol, in a file of the `lua` folder."""

import hashlib
from pathlib import Path


class Script:
    """A script of the `lua` folder, sent once and called by its digest from then on.

    Args:
        name: the file, without its ending.
        prelude: a file whose lines are put behind the script's first.
    """

    def __init__(self, name: str, prelude: str | None = None) -> None:
        self.name = name
        flags, script = _lua(name).split("\n", 1)
        self.source = "\n".join([flags, _lua(prelude), script] if prelude else [flags, script])
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


def _lua(name: str) -> str:
    return (Path(__file__).parent.parent / "protocol" / "lua" / f"{name}.lua").read_text()
