"""What waits when the tests of a class begin: what `setUpTestData` has left in the queue.

Django keeps what `setUpTestData` has written in a transaction around all tests of the class, and each of them begins
with it. What that has written behind is no row yet, but is to be there as well. So the queue's keys are kept as they
were, and each test gets a copy of them under keys of its own.
"""

from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.test_sweeping import keys

_ANY_WRITE = b":pending"  # what ends a key that is there exactly while a write of the model waits


def copied(prefix: str) -> dict[bytes, bytes]:
    """Return the keys of the queue server that begin so, with what DUMP answers; nothing if no write waits.

    Raises:
        QueueUnavailable: it gives no answer.
    """
    found = list(keys(QUEUE, prefix))
    if not any(key.endswith(_ANY_WRITE) for key in found):
        return {}
    return dict(zip(found, all_raised(QUEUE.pipeline([("DUMP", key) for key in found])), strict=True))


def put(copy: dict[bytes, bytes], old: str, new: str) -> None:
    """Put them under another prefix. Raises QueueUnavailable."""
    if copy:
        renamed = {key.replace(old.encode(), new.encode(), 1): dump for key, dump in copy.items()}
        all_raised(QUEUE.pipeline([("RESTORE", key, 0, dump, "REPLACE") for key, dump in renamed.items()]))
