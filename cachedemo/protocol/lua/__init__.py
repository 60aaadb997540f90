"""The Lua scripts: each atomic step that is more than one command, in the file of its name."""

from pathlib import Path

from cachedemo.servers.scripts import Script


def script(name: str) -> Script:
    """Return the script in the file of this name."""
    return Script(name, _text(name))


def queue_script(name: str) -> Script:
    """Return a script that works on a queue's keys: `queue.lua`, which describes them, goes behind its first line."""
    flags, body = _text(name).split("\n", 1)
    return Script(name, "\n".join([flags, _text("queue"), body]), reaches_further=True)


def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.lua").read_text()
