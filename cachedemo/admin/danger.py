"""The danger zone: FLUSHDB of the cache database. A page of its own, never polled."""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from cachedemo import conf
from cachedemo.admin import actions
from cachedemo.admin.actions import Result
from cachedemo.admin.page import Page, ask
from cachedemo.exceptions import CachedemoError
from cachedemo.operations import flushdb, keyspace
from cachedemo.plurals import counted
from cachedemo.servers.outages import Error
from cachedemo.servers.roles import CACHE, QUEUE


def page(request: HttpRequest) -> Page:
    context: dict[str, Any] = {"problems": [], "allow": conf.get("ALLOW_FLUSHDB"), "now": time.time()}
    kept = ask(QUEUE, [("GET", keyspace.KEY)])
    try:
        situation = flushdb.look(keyspace.parse(kept.answers[0]))
    except (CachedemoError, Error) as error:
        context["problems"] = [str(error)]
        return Page("danger", "Danger zone", context)
    context |= {
        "situation": situation,
        "typed": typing_needed() or situation.foreign or situation.survey is None,
        "count": actions.button(request, "count-keys", "Count now", situation.database),
        "flush": actions.button(
            request, "flushdb", f"FLUSHDB {situation.database}", situation.database, keys=situation.keys
        ),
        "may": request.user.has_perm("cachedemo.flush_db"),
    }
    return Page("danger", "Danger zone", context)


def typing_needed() -> bool:
    return not settings.DEBUG


@actions.action("count-keys", back="danger")
def count(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Scan now instead of at the next minute."""
    found = keyspace.keep()
    keys = sum(group.keys for group in found.groups.values())
    return Result(f"{counted(keys, 'key')} counted in {found.seconds:.1f} s.", {"keys": keys})


@actions.action("flushdb", back="danger")
def empty(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the cache database, if it still is what was shown."""
    if shown["target"] != CACHE.address:
        raise actions.Refused(actions.STALE)
    keys = flushdb.flush(shown["keys"], request.POST.get("database", ""), typing_needed=typing_needed())
    words = (
        f"FLUSHDB of {CACHE.address}: {counted(keys, 'key')} gone. Writes that wait for the source are not among them."
    )
    return Result(words, {"keys": keys}, reverse("admin:cachedemo_cache_changelist"))
