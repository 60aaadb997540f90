"""A version's deletion together with its entry in the history."""

import logging
from typing import TYPE_CHECKING

from cachedemo import history, version_deletion
from cachedemo.deletion_progress import DONE, Deletion
from cachedemo.exceptions import Unavailable
from cachedemo.plurals import counted

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache

logger = logging.getLogger(__name__)


def run(cache: "ModelCache", version: str, entry_id: int | None) -> None:
    """Delete the keys of a retiring version, and write down how that went."""
    name = version_deletion.prefix(cache, version)
    try:
        deletion = version_deletion.run(cache, version)
    except Unavailable as error:
        logger.warning("The deletion of %s stopped: %s", name, error)
        history.finish(entry_id, history.FAILED, 0, {}, f"{error} Begin again when the server is back.")
        return
    history.finish(entry_id, _outcome(deletion), deletion.seconds, {"keys": deletion.deleted}, words(deletion, name))


def _outcome(deletion: Deletion) -> str:
    return history.DONE if deletion.state == DONE else history.CANCELLED


def words(deletion: Deletion, name: str) -> str:
    if deletion.state == DONE:
        return f"Deleted: {counted(deletion.deleted, 'key')} of {name}."
    return f"Cancelled after {deletion.deleted:,} of {counted(deletion.total, 'key')} of {name}."
