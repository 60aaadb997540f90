"""What a form showed, signed: an action is done only to what its user saw, and soon after."""

from typing import Any

from django.core import signing
from django.http import HttpRequest

MAX_AGE = 600  # seconds
_SALT = "cachedemo.admin"


class Stale(Exception):
    """Raised when a form was shown too long ago, for another action, or to another user."""


def issue(request: HttpRequest, code: str, target: str, **shown: Any) -> str:
    """Return the token of a form for one action on one target, with what it showed."""
    return signing.dumps([code, request.user.pk, {"target": target, **shown}], salt=_SALT, compress=True)


def check(request: HttpRequest, code: str) -> dict[str, Any]:
    """Return what the form showed. Raises Stale."""
    try:
        issued_for, user, shown = signing.loads(request.POST.get("token", ""), salt=_SALT, max_age=MAX_AGE)
    except (signing.BadSignature, ValueError) as error:
        raise Stale from error
    if (issued_for, user) != (code, request.user.pk):
        raise Stale
    return shown
