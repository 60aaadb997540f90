"""Who may play: everybody under open access, and otherwise nobody; then these addresses do not exist."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.urls import URLResolver, include
from django.urls.resolvers import RoutePattern
from django.views.decorators.http import require_http_methods

from users.pages.page import View, page


class WhileOpen(RoutePattern):
    """Matches under OPEN_ACCESS only, looked up for each request: otherwise the next route gets its turn."""

    def match(self, path: str) -> Any:
        return super().match(path) if settings.OPEN_ACCESS else None


def while_open(urlconf: str) -> URLResolver:
    """Return the addresses of `urlconf` for a list of routes, there only under open access."""
    module, app_name, namespace = include(urlconf)
    return URLResolver(WhileOpen("", is_endpoint=False), module, app_name=app_name, namespace=namespace)


def playground_page(*methods: str) -> Callable[[View], View]:
    """Decorate a view of the playground; `methods` are those it takes besides GET and HEAD."""

    def decorate(view: View) -> View:
        return require_http_methods(["GET", "HEAD", *methods])(page("view")(view))

    return decorate
