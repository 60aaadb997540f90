"""Who may play: everybody under OPEN_ACCESS, and otherwise nobody; then these pages do not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from users.pages.page import View, page


def playground_page(*methods: str) -> Callable[[View], View]:
    """Decorate a view of the playground; `methods` are those it takes besides GET and HEAD."""

    def decorate(view: View) -> View:
        guarded = require_http_methods(["GET", "HEAD", *methods])(page("view")(view))

        @transaction.non_atomic_requests
        @wraps(view)
        def routed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not settings.OPEN_ACCESS:
                raise Http404
            return guarded(request, *args, **kwargs)

        return routed

    return decorate
