"""Deleting a version: a dry run with the count first, then a task with a progress bar."""

import re
import time
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse

from cachedemo import registry
from cachedemo.admin import action_requests, tokens, version_rows
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page
from cachedemo.admin.shards import ask_with_shards
from cachedemo.exceptions import NotRegistered, Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import deletion_log, history, version_deletion
from cachedemo.plurals import counted
from cachedemo.protocol import slot_keys

_COUNTED = "cachedemo_counted"
_TOLD_TWICE = "is the current version: every read would miss until it is filled again. Tick the box to delete it."


def page(request: HttpRequest, name: str, version: str) -> Page:
    """The page of one version: what is known of it, the dry run, and the deletion."""
    cache = _cache(name)
    if not re.fullmatch(slot_keys.VERSION, version):
        raise Http404("No version looks like that.")
    asked, [of_shards] = ask_with_shards([], [cache], lambda _, shard: [("HGETALL", shard.key("versions"))])
    rows = version_rows.rows([cache], of_shards[0], None)
    row = next((row for row in rows if row.version == version), None)
    row = row or version_rows.VersionRow(cache, version, None, [], False, asked=not (cache.queue and asked.problem))
    counted = _counted(request, row)
    context = {
        "row": row,
        "problems": [asked.problem] if asked.problem else [],
        "counted": counted,
        "count": action_requests.button(request, "count-version", "Count its keys", row.prefix, **_who(row)),
        "delete": action_requests.button(request, "delete-version", "Delete", row.prefix, **_who(row), keys=counted),
    }
    return Page("version", f"Delete {row.prefix}", context)


def _cache(name: str) -> ModelCache:
    try:
        return registry.by_name(name)
    except NotRegistered as error:
        raise Http404(str(error)) from error


def _who(row: version_rows.VersionRow) -> dict[str, str]:
    return {"model": row.name, "version": row.version}


def _counted(request: HttpRequest, row: version_rows.VersionRow) -> int | None:
    """Return what the dry run has just counted; None if there was none, or not lately."""
    kept = request.session.get(_COUNTED, {})
    fresh = time.time() - kept.get("at", 0) < tokens.MAX_AGE
    return kept["keys"] if fresh and kept.get("prefix") == row.prefix else None


@action_requests.action("count-version", back="versions")
def count(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """The dry run: count the keys and delete none."""
    cache = _cache(shown["model"])
    keys = version_deletion.count(cache, shown["version"])
    request.session[_COUNTED] = {"prefix": shown["target"], "keys": keys, "at": time.time()}
    there = reverse("admin:cachedemo_cache_version", args=[shown["model"], shown["version"]])
    return Result(f"Dry run: {counted(keys, 'key')} of {shown['target']} would be deleted.", {"keys": keys}, there)


@action_requests.action("delete-version", back="versions")
def delete(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Retire the version and ask a worker to delete its keys."""
    cache, version, name = _cache(shown["model"]), shown["version"], shown["target"]
    insists = request.POST.get("even_current") == "yes"
    if shown["keys"] is None:
        raise Refused("Count its keys first.")
    if version == cache.table.slots.version and not insists:
        raise Refused(f"Version {name} {_TOLD_TWICE}")
    deletion = version_deletion.begin(cache, version, request.user.get_username(), even_current=insists)
    request.session.pop(_COUNTED, None)  # the next deletion begins with a count of its own
    left = deletion.total - deletion.deleted
    _ask_a_worker(cache, version, deletion_log.begin(name, left, request.user.pk))
    return Result(f"Deleting {counted(left, 'key')} of {name}.", {"keys": left}, outcome=history.RUNNING)


def _ask_a_worker(cache: ModelCache, version: str, entry_id: int) -> None:
    try:
        from cachedemo import tasks  # needs Celery, which no other page does

        tasks.request_deletion(cache.table.slots.name, version, entry_id)
    except Exception as error:  # no Celery, or any error of the broker's client
        history.forget(entry_id)
        version_deletion.cancel(cache, version)
        raise Refused(f"No worker could be asked, so nothing was deleted: {error}") from error


@action_requests.action("cancel-deletion", back="versions")
def cancel(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Stop a deletion that is under way."""
    if not version_deletion.cancel(_cache(shown["model"]), shown["version"]):
        raise Refused(f"No deletion of {shown['target']} is under way.")
    return Result(f"The deletion of {shown['target']} was cancelled. Begin again to finish it.", {})
