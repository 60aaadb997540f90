"""Every action of an operator: its code, what people call it, and the permission that it needs.

The code is in the URL and the token of the action's form and in its entries in the history (LogEntry.object_id).
"""

from typing import NamedTuple


class Action(NamedTuple):
    """One action.

    Attributes:
        words: what the history and the charts call it.
        permission: of `cachedemo`, without which its button is not shown and its URL refuses.
        marked: whether the charts show when it was done, because it changes the curves.
    """

    code: str
    words: str
    permission: str
    marked: bool = False


ACTIONS = {
    action.code: action
    for action in (
        Action("flushdb", "FLUSHDB", "flush_db", marked=True),
        Action("count-keys", "Counted keys", "flush_db"),
        Action("count-version", "Dry run", "delete_version"),
        Action("delete-version", "Deleted a version", "delete_version", marked=True),
        Action("cancel-deletion", "Cancelled a deletion", "delete_version"),
        Action("count-prefix", "Dry run for a prefix", "delete_version"),
        Action("delete-prefix", "Deleted keys by prefix", "delete_version", marked=True),
        Action("watch", "Watched a server's commands", "inspect_keys"),
        Action("switch-off", "Switched off", "manage_queue", marked=True),
        Action("switch-on", "Switched on", "manage_queue", marked=True),
        Action("change-shards", "Changed the number of shards", "manage_queue", marked=True),
        Action("flush-now", "Flushed now", "manage_queue"),
        Action("pause", "Paused the flush", "manage_queue"),
        Action("resume", "Resumed the flush", "manage_queue"),
        Action("retry-letters", "Retried dead letters", "manage_queue"),
        Action("discard-letters", "Discarded dead letters", "manage_queue"),
        Action("delete-key", "Deleted a key", "inspect_keys"),
        Action("set-ttl", "Set a TTL", "inspect_keys"),
        Action("refresh-key", "Refreshed a key", "inspect_keys"),
    )
}
MARKED = [action.code for action in ACTIONS.values() if action.marked]


def words_of(code: str) -> str:
    """Return what an action is called; an entry of an older release may have a code that is gone."""
    return ACTIONS[code].words if code in ACTIONS else code
