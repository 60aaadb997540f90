"""Rows that were just deleted: no write of them may wait in the queue.

A writer that has read the row before it was deleted would queue a write that no flush can land, and that would reach a
new row with the same key.
"""

REFUSED_FOR = 600  # seconds for which write-behind of a deleted row is refused, and goes to the database
