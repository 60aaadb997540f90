"""Steps of the queue that count only once its replicas have them: WAIT behind each, on the same connection.

Not in a transaction nor in a script: there WAIT says at once how many had it before. Where the server does not know a
script, WAIT would speak of what was written before; `Role.script_and` sends both again.
"""

from collections.abc import Sequence
from typing import Any

from cachedemo import conf
from cachedemo.exceptions import QueueUnavailable
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.scripts import Script

_OF_THE_TIMEOUT = 0.8  # the server must answer before the connection gives up
_KEPT_MS = 1000


class TooFew(QueueUnavailable):
    """Raised when not enough replicas have what was written; the server itself has it."""

    sent = True


def script(script: Script, keys: Sequence[str], arguments: Sequence[Any], replicas: int) -> Any:
    """Run a script of the queue's and return its answer once so many replicas have what it wrote. Raises TooFew."""
    answer, reached = QUEUE.script_and(script, keys, arguments, wait(replicas))
    _check(reached, replicas)
    return answer


def pipeline(commands: Sequence[Sequence[Any]], key: str, replicas: int) -> list[Any]:
    """Read from the queue, and make sure that the server is still the primary of so many replicas.

    Args:
        key: written, so that there is something to wait for. On a cluster, all the others share its hash slot.

    Raises:
        TooFew: it may have been cut off, and another be primary, which has acknowledged more.
    """
    if not replicas:
        return QUEUE.pipeline(commands)
    *answers, _, reached = QUEUE.together(key, [*commands, ("SET", key, "", "PX", _KEPT_MS), wait(replicas)])
    _check(reached, replicas)
    return answers


def wait(replicas: int) -> tuple[str, int, int]:
    """Return the command that waits until so many replicas have what its connection has written."""
    return ("WAIT", replicas, max(1, int(conf.get_valid("TIMEOUT") * _OF_THE_TIMEOUT * 1000)))


def _check(reached: Any, replicas: int) -> None:
    if (found := raised(reached)) < replicas:
        raise TooFew(f"{found} of {replicas} replicas of the queue server have it: look at their links.")
