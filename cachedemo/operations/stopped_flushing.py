"""A queue that cannot be flushed because the database refuses the statement itself, in a sentence for operators.

The flush notes it and takes the note away (`protocol/flush.py`); nothing here stops or starts anything.
"""

from cachedemo import registry
from cachedemo.protocol.write_queue import WriteQueue


def sentence(queue: WriteQueue) -> str:
    """Say what has stopped, what that means and how to fix it; no details, for anybody may read it."""
    return (
        f"Flushing {queue.name} has stopped: the database refuses to update the table at all. Writes are acknowledged "
        f"and wait. Add the missing columns (manage.py migrate) or let the role write; flushing then goes on by itself."
    )


def sentences() -> list[str]:
    """Return a sentence for each queue that cannot be flushed, with what the database said."""
    found = [(cache.table.queue, cache.table.queue.stopped()) for cache in registry.with_queue()]
    return [f"{sentence(queue)} It said: {stopped.error}" for queue, stopped in found if stopped]
