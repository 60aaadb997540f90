"""Deleting all keys of ours that begin with some text: a dry run with the count first, then the deletion itself."""

import time
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from cachedemo.admin import action_requests, tokens
from cachedemo.admin.action_requests import Result
from cachedemo.exceptions import Refused
from cachedemo.operations import prefix_deletion
from cachedemo.plurals import counted

_COUNTED = "cachedemo_counted_prefix"


def offered(request: HttpRequest, prefix: str) -> dict[str, Any]:
    """Return what the page of a search offers: a dry run, then the deletion; nothing for keys that are not ours."""
    try:
        prefix_deletion.check(prefix)
    except Refused:
        return {}
    found = _counted(request, prefix)
    ours = None if found is None else found["ours"]
    return {
        "bulk": found,
        "bulk_typed": prefix_deletion.is_to_be_typed(),
        "count": action_requests.button(request, "count-prefix", "Count what would be deleted", prefix),
        "delete": action_requests.button(request, "delete-prefix", "Delete", prefix, keys=ours),
    }


def _counted(request: HttpRequest, prefix: str) -> dict[str, Any] | None:
    """Return what the dry run has just counted; None if there was none, or not lately."""
    kept: dict[str, Any] = request.session.get(_COUNTED, {})
    fresh = time.time() - kept.get("at", 0) < tokens.MAX_AGE
    return kept if fresh and kept.get("prefix") == prefix else None


def _there(prefix: str) -> str:
    return f"{reverse('admin:cachedemo_cache_keys')}?{urlencode({'prefix': prefix})}"


@action_requests.action("count-prefix", back="keys")
def count(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """The dry run: count the keys and delete none."""
    prefix = shown["target"]
    found = prefix_deletion.count(prefix)
    request.session[_COUNTED] = {"prefix": prefix, "ours": found.ours, "foreign": found.foreign, "at": time.time()}
    words = f"Dry run: {counted(found.ours, 'key')} that begin with {prefix} would be deleted."
    return Result(words, {"keys": found.ours}, _there(prefix))


@action_requests.action("delete-prefix", back="keys")
def delete(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Delete them, for some seconds at most."""
    prefix = shown["target"]
    if shown["keys"] is None:
        raise Refused("Count its keys first.")
    done = prefix_deletion.delete(prefix, shown["keys"], request.POST.get("prefix", ""))
    request.session.pop(_COUNTED, None)  # the next deletion begins with a count of its own
    left = "" if done.whole else " There are more: count them and go on."
    words = f"Deleted {counted(done.keys, 'key')} that began with {prefix}. Writes that wait are safe.{left}"
    return Result(words, {"keys": done.keys}, _there(prefix))
