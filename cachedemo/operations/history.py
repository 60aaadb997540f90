"""What operators did: every action is a LogEntry of Django's, with counts, duration and outcome.

The actions themselves are listed in `actions.py`.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps
from django.db.models import QuerySet
from django.utils import timezone

from cachedemo.exceptions import Refused
from cachedemo.models import Cache
from cachedemo.operations.action_permissions import MARKED, words_of

if TYPE_CHECKING:
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

DONE, FAILED, REFUSED, RUNNING, CANCELLED = "done", "failed", "refused", "running", "cancelled"
CHANGE = 2  # of django.contrib.admin.models, which can be imported only where it is installed
OUTCOMES = (DONE, RUNNING, CANCELLED, FAILED, REFUSED)


class Event(NamedTuple):
    """One action as the pages show it."""

    who: str
    at: datetime
    code: str
    target: str
    outcome: str
    seconds: float
    counts: dict[str, int]
    words: str

    @property
    def action(self) -> str:
        return words_of(self.code)


def log_entries() -> "type[LogEntry]":
    """Return the model that the history is kept in. Raises Refused where the Django admin is not installed."""
    if not apps.is_installed("django.contrib.admin"):
        raise Refused("The history is kept by the Django admin: add 'django.contrib.admin' to INSTALLED_APPS.")
    from django.contrib.admin.models import LogEntry

    return LogEntry


def record(
    user_id: Any, code: str, target: str, outcome: str, seconds: float, counts: dict[str, int], words: str
) -> "LogEntry":
    """Record one action."""
    return log_entries().objects.create(
        user_id=user_id,
        content_type=_content_type(),
        object_id=code,
        object_repr=f"{words_of(code)}: {target}"[:200],
        action_flag=CHANGE,
        change_message=_message(target, outcome, seconds, counts, words),
    )


def finish(entry_id: int | None, outcome: str, seconds: float, counts: dict[str, int], words: str) -> None:
    """Complete the entry of an action that went on in the background."""
    if entry_id is None:
        return
    for entry in log_entries().objects.filter(pk=entry_id):
        entry.change_message = _message(_details(entry).get("target", ""), outcome, seconds, counts, words)
        entry.save(update_fields=["change_message"])


def forget(entry_id: int) -> None:
    """Delete the entry of an action that did not begin."""
    log_entries().objects.filter(pk=entry_id).delete()


def lose(code: str, target: str) -> None:
    """Complete the entries of earlier such actions that are still running: the process that did them has died."""
    for entry in entries().filter(object_id=code):
        details = _details(entry)
        if details.get("outcome") == RUNNING and details.get("target") == target:
            finish(entry.pk, FAILED, 0, {}, "It stopped before its end, and was begun again.")


def _message(target: str, outcome: str, seconds: float, counts: dict[str, int], words: str) -> str:
    details = {"target": target, "outcome": outcome, "seconds": round(seconds, 3), "counts": counts, "words": words}
    return json.dumps(details, ensure_ascii=False)


def entries() -> "QuerySet[LogEntry]":
    """Return all our entries, the newest first."""
    ours = log_entries().objects.filter(content_type=_content_type())
    return ours.select_related("user").order_by("-action_time", "-pk")


def _content_type() -> "ContentType":
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects.get_for_model(Cache)


def events(found: "Iterable[LogEntry]") -> list[Event]:
    return [_event(entry) for entry in found]


def marked(since: datetime) -> list[Event]:
    """Return the actions that the charts mark: FLUSHDB and deleted versions."""
    marked = entries().filter(object_id__in=MARKED, action_time__gte=since)
    return [event for event in events(marked[:50]) if event.outcome not in (FAILED, REFUSED)]


def _event(entry: "LogEntry") -> Event:
    details = _details(entry)
    return Event(
        who=entry.user.get_username(),
        at=timezone.localtime(entry.action_time),
        code=entry.object_id or "",
        target=details.get("target", ""),
        outcome=details.get("outcome", ""),
        seconds=details.get("seconds", 0),
        counts=details.get("counts", {}),
        words=details.get("words", ""),
    )


def _details(entry: "LogEntry") -> dict[str, Any]:
    try:
        return json.loads(entry.change_message)
    except ValueError:
        return {"words": entry.change_message}
