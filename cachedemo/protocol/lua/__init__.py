"""The Lua scripts: each atomic step that is more than one command, in the file of its name."""

from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from cachedemo.servers.scripts import Script

_ROWS, _BATCH = "-- rows.lua\n", "-- batch.lua\n"
# What is asked most often says in other ways that a queue of one shard is not current: see shards.py.
_ASKED_MOST = ("enqueue", "stamp", "settle_up", "claim", "ack")


class QueueScript(NamedTuple):
    """A script that works on a queue's keys: as a queue of one shard takes it, and as one of several shards does."""

    whole: Script
    shard: Script

    @property
    def commands(self) -> set[str]:
        return set(self.whole.commands) | set(self.shard.commands)


def scripts_in(module: ModuleType) -> list[Script]:
    """Return the scripts that a module holds, those of queues in both their forms."""
    values = list(vars(module).copy().values())  # another thread may be importing
    both = [script for value in values if isinstance(value, QueueScript) for script in value]
    return [*both, *(value for value in values if isinstance(value, Script))]


def script(name: str) -> Script:
    """Return the script in the file of this name."""
    return Script(name, _text(name))


def queue_script(name: str) -> QueueScript:
    """Return a script that works on a queue's keys.

    `queue.lua`, which describes them, goes behind its first line; `rows.lua` too, or where the script says so, as
    `batch.lua`.
    """
    before, marker, after = _text(name).partition(_ROWS)
    flags, body = before.split("\n", 1)
    parts = [body, _text("rows"), after] if marker else [_text("rows"), body]
    of_whole = [] if name in _ASKED_MOST else [_text("moved")]
    return QueueScript(_joined(name, flags, *of_whole, *parts), _joined(name, flags, _text("moved_shard"), *parts))


def joint_script(name: str, first: str, then: str) -> QueueScript:
    """Return one script that takes two steps of a queue, so that nobody comes between them.

    Its arguments are how many the first step has, these, and those of the other one; it returns what both return.
    """
    flags = _text(first).split("\n", 1)[0]
    steps = [_as_function("first", first), _as_function("second", then)]
    parts = [_text("rows"), *steps, _text("joint")]
    return QueueScript(_joined(name, flags, *parts), _joined(name, flags, _text("moved_shard"), *parts))


def _as_function(name: str, step: str) -> str:
    body = _text(step).split("\n", 1)[1]
    return f"local function {name}(ARGV)\n{body}\nend"


def change_script(name: str) -> Script:
    """Return a script that changes how many shards a queue has; `change.lua` goes before it too."""
    flags, body = _text(name).split("\n", 1)
    return _joined(name, flags, _text("change"), body)


def _joined(name: str, flags: str, *parts: str) -> Script:
    return Script(name, "\n".join([flags, _text("queue"), *parts]), reaches_further=True)


def _text(name: str) -> str:
    text = (Path(__file__).parent / f"{name}.lua").read_text()
    return text.replace(_BATCH, _text("batch")) if _BATCH in text else text
