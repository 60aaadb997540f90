"""What surrounds each page: who may see it, and what it says when something is missing or down."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from users import outages
from users.access import Action, is_signed_in, may
from users.models import User
from users.pages.problem_page import in_words

View = Callable[..., HttpResponse]


def page(action: Action) -> Callable[[View], View]:
    """Decorate a view that may be seen by those who may do `action`, and that shows how things are just now.

    It is exempt from ATOMIC_REQUESTS: inside a transaction no read fills the cache.
    """

    def decorate(view: View) -> View:
        @transaction.non_atomic_requests
        @never_cache
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return _turned_away(request, action) or view(request, *args, **kwargs)
            except outages.OUTAGES as error:
                return outages.page(request, error)
            except User.DoesNotExist:
                return missing(request)

        return guarded

    return decorate


def require(request: HttpRequest, action: Action) -> None:
    """Raise PermissionDenied unless this account may do this too."""
    if not may(request, action):
        raise PermissionDenied(f"Your account may not {action} users.")


def _turned_away(request: HttpRequest, action: Action) -> HttpResponse | None:
    if not may(request, action) and not is_signed_in(request):
        return redirect_to_login(request.get_full_path())
    require(request, action)
    return None


def missing(request: HttpRequest) -> HttpResponse:
    """Say that there is no such user."""
    return in_words(request, 404, "There is no such user.", ["It may have been deleted. The list shows who is left."])
