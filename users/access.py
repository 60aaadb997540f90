"""Who may read and write the users."""

from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from users.api.problems import Problem

Action = Literal["view", "add", "change", "delete"]

_ACTIONS: dict[str | None, Action] = {
    "GET": "view",
    "HEAD": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}
# RFC 9110 wants a challenge with every 401. Browsers do not know this one, so they show no dialog of their own.
_CHALLENGE = {"WWW-Authenticate": f'Cookie realm="users", cookie-name="{settings.SESSION_COOKIE_NAME}"'}


def may(request: HttpRequest, action: Action) -> bool:
    """Say whether this request may do this: anybody's under OPEN_ACCESS, else those that Django's permissions let."""
    return settings.OPEN_ACCESS or request.user.has_perm(f"users.{action}_user")


def is_signed_in(request: HttpRequest) -> bool:
    """Say whether somebody has signed in; asks no database about those who have no session."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated


class SessionPermission(AuthBase):
    """The API's guard: Django's session and permissions, and the CSRF token for writes.

    Under OPEN_ACCESS it lets everybody in. Other sites still cannot write then: to send JSON, a PUT or a DELETE they
    need a preflight request, and nobody here answers one.
    """

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    csrf = True  # has the documents page send the token along

    def __call__(self, request: HttpRequest) -> bool:
        if not settings.OPEN_ACCESS:
            self._check(request, _ACTIONS[request.method])
        return True

    def _check(self, request: HttpRequest, action: Action) -> None:
        if not is_signed_in(request):
            raise Problem(401, "Sign in at the admin, and send its session cookie.", headers=_CHALLENGE)
        if not may(request, action):
            raise Problem(403, f"Your account has no permission to {action} users.")
        if check_csrf(request):
            raise Problem(403, "The CSRF token is missing or wrong: send the cookie's value as X-CSRFToken.")
