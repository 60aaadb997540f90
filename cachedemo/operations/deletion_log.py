"""A version's deletion together with its entry in the history."""

import logging
from typing import Any

from cachedemo.exceptions import Unavailable
from cachedemo.model_cache import ModelCache
from cachedemo.operations import history, version_deletion
from cachedemo.operations.deletion_progress import DONE, Deletion
from cachedemo.plurals import counted

logger = logging.getLogger(__name__)


def run(cache: ModelCache, version: str, entry_id: int | None) -> None:
    """Delete the keys of a retiring version, and record the outcome."""
    name = version_deletion.prefix(cache, version)
    try:
        deletion = version_deletion.run(cache, version)
    except Unavailable as error:
        logger.warning("The deletion of %s stopped: %s", name, error)
        history.finish(entry_id, history.FAILED, 0, {}, f"{error} Begin again when the server is back.")
        return
    note(deletion, name, entry_id)


def note(deletion: Deletion, name: str, entry_id: int | None) -> None:
    """Record the outcome of a deletion."""
    history.finish(entry_id, _outcome(deletion), deletion.seconds, {"keys": deletion.deleted}, words(deletion, name))


def begin(name: str, keys: int, user_id: Any) -> int:
    """Record that a deletion begins; return the entry's id."""
    history.lose("delete-version", name)
    said = f"Deleting {counted(keys, 'key')} of {name}."
    return history.record(user_id, "delete-version", name, history.RUNNING, 0, {"keys": keys}, said).pk


def _outcome(deletion: Deletion) -> str:
    return history.DONE if deletion.state == DONE else history.CANCELLED


def words(deletion: Deletion, name: str) -> str:
    if deletion.state == DONE:
        return f"Deleted: {counted(deletion.deleted, 'key')} of {name}."
    return f"Cancelled after {deletion.deleted:,} of {counted(deletion.total, 'key')} of {name}."
