"""Whether beat asks for what cachedemo needs, and whether what it asks for expires."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register

from cachedemo import registry
from cachedemo.checks import celery_app

NEEDED = {"cachedemo.tasks.flush": 1.0, "cachedemo.tasks.audit": 300.0, "cachedemo.tasks.scan": 60.0}  # seconds
_DATABASE_SCHEDULER = "django_celery_beat"


@register("cachedemo")
def check_beat(**kwargs: Any) -> list[CheckMessage]:
    """Beat has our entries, and no pile of requests grows in the broker while there is no worker."""
    celery = celery_app.project_settings()
    if celery is None or not registry.has_queues():
        return []
    entries = [(_of(entry, "task"), entry) for entry in (celery.beat_schedule or {}).values()]
    asked_for = {task for task, _ in entries}
    in_database = apps.is_installed(_DATABASE_SCHEDULER) or _DATABASE_SCHEDULER in str(celery.beat_scheduler)
    missing: list[CheckMessage] = [] if in_database else [_missing(task) for task in NEEDED if task not in asked_for]
    return missing + [
        _endless(task, option)
        for task, entry in entries
        if task in NEEDED
        for option in ("expires", *(["expire_seconds"] if in_database else []))
        if not (_of(entry, "options") or {}).get(option)
    ]


def _of(entry: Any, name: str) -> Any:
    """Return what an entry has under a name: it is a dict, or a ScheduleEntry of Celery's."""
    return entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)


def _missing(task: str) -> Warning:
    return Warning(
        f"Celery's beat_schedule has no entry for {task}.",
        hint=f'Add {{"task": "{task}", "schedule": {NEEDED[task]}, "options": {{"expires": {NEEDED[task]}}}}}.',
        id="cachedemo.W025",
    )


def _endless(task: str, option: str) -> Warning:
    why = " django-celery-beat drops `expires`, and knows this name only." if option == "expire_seconds" else ""
    return Warning(
        f"Beat's entry for {task} has no {option!r}: without a worker, its requests pile up in the broker.{why}",
        hint=f'Add "{option}": {NEEDED[task]:g} to its options.',
        id="cachedemo.W026",
    )
