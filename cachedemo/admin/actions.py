"""Every action of the operators' pages: POST, CSRF, a permission, a token, and an entry in the history."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from cachedemo import conf
from cachedemo.admin import tokens
from cachedemo.exceptions import CachedemoError
from cachedemo.operations import history
from cachedemo.servers.outages import Error

PERMISSIONS = {
    "flushdb": "flush_db",
    "count-keys": "flush_db",
    "count-version": "delete_version",
    "delete-version": "delete_version",
    "cancel-deletion": "delete_version",
    "flush-now": "manage_queue",
    "pause": "manage_queue",
    "resume": "manage_queue",
    "retry-letters": "manage_queue",
    "discard-letters": "manage_queue",
    "delete-key": "inspect_keys",
    "set-ttl": "inspect_keys",
    "refresh-key": "inspect_keys",
}
STALE = "This page was shown too long ago, or something has changed since: look again. Nothing was done."


class Refused(CachedemoError):
    """Raised by an action that is not done; the message says why."""


class Result(NamedTuple):
    """What an action did: a sentence, numbers, and where to go then."""

    words: str
    counts: dict[str, int]
    go_to: str = ""
    outcome: str = history.DONE


class Button(NamedTuple):
    """A form of one button; without the right to it, it is not shown."""

    url: str
    token: str
    label: str
    allowed: bool


def allowed(request: HttpRequest, code: str) -> bool:
    return not conf.get("READ_ONLY") and request.user.has_perm(f"cachedemo.{PERMISSIONS[code]}")


def button(request: HttpRequest, code: str, label: str, target: str, **shown: Any) -> Button:
    """Return the button for an action on a target, bound to what is shown beside it."""
    url = reverse(f"admin:cachedemo_cache_{code}")
    return Button(url, tokens.issue(request, code, target, **shown), label, allowed(request, code))


def action(code: str, back: str) -> Callable[[Callable[..., Result]], Callable[..., HttpResponse]]:
    """Make a view of a function that does one action: `do(request, shown, **parts of the URL)`.

    Args:
        code: of the action in the history, and of its URL and its token.
        back: the name of the page to go to.
    """

    def decorate(do: Callable[..., Result]) -> Callable[..., HttpResponse]:
        @functools.wraps(do)
        def view(request: HttpRequest) -> HttpResponse:
            if not allowed(request, code):
                raise PermissionDenied("READ_ONLY in CACHEDEMO is on." if conf.get("READ_ONLY") else "")
            page = reverse(f"admin:cachedemo_cache_{back}")
            try:
                shown = tokens.check(request, code)
            except tokens.Stale:
                messages.error(request, STALE)
                return redirect(page)
            return redirect(_perform(do, request, code, shown) or page)

        return require_POST(view)

    return decorate


def _perform(do: Callable[..., Result], request: HttpRequest, code: str, shown: dict[str, Any]) -> str:
    """Do it and write it down; return where to go then."""
    begun = time.monotonic()
    try:
        result = do(request, shown)
    except (CachedemoError, Error) as error:
        refused = isinstance(error, Refused) or type(error).__name__.endswith("Refused")
        outcome = history.REFUSED if refused else history.FAILED
        _record(request, code, shown, Result(str(error), {}, outcome=outcome), begun)
        messages.error(request, str(error))
        return ""
    if result.outcome != history.RUNNING:  # what goes on in the background has its entry already
        _record(request, code, shown, result, begun)
    messages.success(request, result.words)
    return result.go_to


def _record(request: HttpRequest, code: str, shown: dict[str, Any], result: Result, begun: float) -> None:
    seconds = time.monotonic() - begun
    history.record(request.user.pk, code, shown["target"], result.outcome, seconds, result.counts, result.words)
