"""How an action of the operators' pages is done: POST, CSRF, a permission, a token, and an entry in the history.

Which actions there are is in `operations/action_permissions.py`.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cachedemo import conf
from cachedemo.admin import tokens
from cachedemo.admin.page import Page
from cachedemo.exceptions import CachedemoError, Refused
from cachedemo.operations import history
from cachedemo.operations.action_permissions import ACTIONS
from cachedemo.servers.server_errors import Error

STALE = "This page was shown too long ago, or something has changed since: look again. Nothing was done."


class Result(NamedTuple):
    """What an action did: a sentence, numbers, and where to go then, or what to show at once and keep nowhere."""

    words: str
    counts: dict[str, int]
    go_to: str = ""
    outcome: str = history.DONE
    page: Page | None = None


class Button(NamedTuple):
    """A form of one button; without the permission for it, it is not shown."""

    url: str
    token: str
    label: str
    allowed: bool


class ActionView(NamedTuple):
    """The view of one action; its code is also the end of its URL's name."""

    code: str
    view: Callable[..., HttpResponse | Page]


def allowed(request: HttpRequest, code: str) -> bool:
    return not conf.get("READ_ONLY") and request.user.has_perm(f"cachedemo.{ACTIONS[code].permission}")


def button(request: HttpRequest, code: str, label: str, target: str, **shown: Any) -> Button:
    """Return the button for an action on a target, bound to what is shown beside it."""
    url = reverse(f"admin:cachedemo_cache_{code}")
    return Button(url, tokens.issue(request, code, target, **shown), label, allowed(request, code))


def action(code: str, back: str) -> Callable[[Callable[..., Result]], ActionView]:
    """Make a view of a function that does one action: `do(request, shown)`.

    Args:
        code: one of `operations/action_permissions.py`.
        back: the name of the page to go to.
    """

    def decorate(do: Callable[..., Result]) -> ActionView:
        @functools.wraps(do)
        def view(request: HttpRequest) -> HttpResponse | Page:
            return _view(do, request, code, reverse(f"admin:cachedemo_cache_{back}"))

        return ActionView(code, view)

    return decorate


def _view(do: Callable[..., Result], request: HttpRequest, code: str, page: str) -> HttpResponse | Page:
    if not allowed(request, code):
        raise PermissionDenied("READ_ONLY in CACHEDEMO is on." if conf.get("READ_ONLY") else "")
    try:
        shown = tokens.check(request, code)
    except tokens.Stale:
        messages.error(request, STALE)
        return redirect(page)
    result = _perform(do, request, code, shown)
    return (result.page if result else None) or redirect((result.go_to if result else "") or page)


def _perform(do: Callable[..., Result], request: HttpRequest, code: str, shown: dict[str, Any]) -> Result | None:
    """Do it and record it in the history; return None where it was refused or failed."""
    begun = time.monotonic()
    try:
        result = do(request, shown)
    except (CachedemoError, Error) as error:
        outcome = history.REFUSED if isinstance(error, Refused) else history.FAILED
        _record(request, code, shown, Result(str(error), {}, outcome=outcome), begun)
        messages.error(request, str(error))
        return None
    if result.outcome != history.RUNNING:  # what goes on in the background has its entry already
        _record(request, code, shown, result, begun)
    messages.success(request, result.words)
    return result


def _record(request: HttpRequest, code: str, shown: dict[str, Any], result: Result, begun: float) -> None:
    seconds = time.monotonic() - begun
    history.record(request.user.pk, code, shown["target"], result.outcome, seconds, result.counts, result.words)
