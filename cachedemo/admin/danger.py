"""The danger zone: FLUSHDB of the cache's Redis database. A separate page, never refreshed by itself."""

import time
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from cachedemo import conf
from cachedemo.admin import action_requests
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page, ask, reported
from cachedemo.exceptions import Refused
from cachedemo.operations import flushdb, keyspace
from cachedemo.operations.flushdb import Situation
from cachedemo.plurals import counted
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import CACHE, QUEUE


def page(request: HttpRequest) -> Page:
    problems: list[str] = []
    context: dict[str, Any] = {"problems": problems, "allow": conf.get("ALLOW_FLUSHDB"), "now": time.time()}
    kept = ask(QUEUE, [("GET", ours(keyspace.KEY))])
    with reported(problems):
        context |= _offered(request, flushdb.look(keyspace.parse(kept.answers[0])))
    return Page("danger", "Danger zone", context)


def _offered(request: HttpRequest, situation: Situation) -> dict[str, Any]:
    target = situation.database
    return {
        "situation": situation,
        "count": action_requests.button(request, "count-keys", "Count now", target),
        "flush": action_requests.button(request, "flushdb", f"FLUSHDB {target}", target, keys=situation.keys),
        "may": request.user.has_perm("cachedemo.flush_db"),
    }


@action_requests.action("count-keys", back="danger")
def count(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Scan now instead of at the next minute."""
    found = keyspace.keep()
    keys = sum(group.keys for group in found.groups.values())
    return Result(f"{counted(keys, 'key')} counted in {found.seconds:.1f} s.", {"keys": keys})


@action_requests.action("flushdb", back="danger")
def empty(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the cache database, if it still is what was shown."""
    if shown["target"] != CACHE.address:
        raise Refused(action_requests.STALE)
    keys = flushdb.flush(shown["keys"], request.POST.get("database", ""))
    words = f"FLUSHDB of {CACHE.address}: {counted(keys, 'key')} gone. Writes that wait for the database are safe."
    return Result(words, {"keys": keys}, reverse("admin:cachedemo_cache_changelist"))
