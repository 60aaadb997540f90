"""The Lua scripts: each atomic step that is more than one command, in the file of its name."""

from pathlib import Path

from cachedemo.servers.scripts import Script

_ROWS = "-- rows.lua\n"


def script(name: str) -> Script:
    """Return the script in the file of this name."""
    return Script(name, _text(name))


def queue_script(name: str) -> Script:
    """Return a script that works on a queue's keys.

    `queue.lua`, which describes them, goes behind its first line; `rows.lua` too, or where the script says so.
    """
    flags, body = _text(name).split("\n", 1)
    before, marker, after = body.partition(_ROWS)
    parts = [before, _text("rows"), after] if marker else [_text("rows"), body]
    return Script(name, "\n".join([flags, _text("queue"), *parts]), reaches_further=True)


def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.lua").read_text()
