"""`python -m benchmarks http_layers`: where each microsecond of a warm GET over HTTP goes.

Requests go through Django's handler and the project's middleware in this process, without gunicorn and sockets, to
views that do ever more, all of them in turns: what a view adds is the difference to the one above it.
"""

import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.markdown import markdown
from benchmarks.reports import parsed, parser, publish
from benchmarks.rounds import seconds_a_call

CALLS, ROUNDS = 5, 2_000
API = "/api/cache-aside/users/1"


def main(arguments: Sequence[str] = ()) -> int:
    options = parsed(parser("http_layers", __doc__, ()), (), arguments)
    with Bench(Console(stderr=True, highlight=False), options.quick) as bench:
        bench.start_empty()
        bench.users.get(1)
        requests = {what: _request(path) for what, path in _views(bench).items()}
        machine = in_words(about(bench))
        rounds = bench.track("views", range(bench.times(ROUNDS, 200)))
        times = seconds_a_call(rounds, CALLS, *requests.values())
    below, rows = 0.0, []
    for what, seconds in zip(requests, times, strict=True):
        rows.append([what, f"{seconds * 1e6:.0f}", f"{(seconds - below) * 1e6:+.0f}"])
        below = seconds
    table = markdown(["up to and with", "µs", "adds"], rows)
    publish(options.document, "http-layers", "\n".join([*table, "", f"{machine}."]))
    return 0


def _views(bench: Bench) -> dict[str, str]:
    """Serve ever more, beside the project's own addresses; return what each does, and its path."""
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    import users.converters  # noqa: F401  (of addresses)
    from cachedemo.views import read_response
    from config.urls import urlpatterns as project

    settings.OPEN_ACCESS, settings.DEBUG = True, False
    cache, client = bench.users, bench.bare_cache()

    def empty(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"{}", content_type="application/json")

    def bare(request: HttpRequest, **address: Any) -> HttpResponse:
        return HttpResponse(client.get("v2:user:1"), content_type="application/json")

    def read(request: HttpRequest, pattern: Any, id: int) -> HttpResponse:
        return HttpResponse(cache.read(id, with_ttl=True).body, content_type="application/json")

    def answered(request: HttpRequest, pattern: Any, id: int) -> HttpResponse:
        return read_response(request, cache, cache.read(id, with_ttl=True))

    fixed, parsed_ones = "{}", "{}/<pattern:pattern>/users/<row_id:id>"
    views: dict[str, tuple[Any, str]] = {
        "Django, the middleware, a view of nothing": (empty, fixed),
        "a bare `GET`: what the budget is against": (bare, fixed),
        "the address: which pattern, which user": (bare, parsed_ones),
        "the protocol, and the `PTTL` in the same trip: `users.read(1, with_ttl=True)`": (read, parsed_ones),
        "ETag, If-None-Match, Cache-Status and other headers: `read_response`": (answered, parsed_ones),
    }
    routes = {what: route.format(f"{number}") for number, (what, (_, route)) in enumerate(views.items())}

    class Urls:
        urlpatterns = [*project, *(path(routes[what], view) for what, (view, _) in views.items())]

    settings.ROOT_URLCONF = Urls
    paths = {
        what: "/" + route.replace("<pattern:pattern>", "cache-aside").replace("<row_id:id>", "1")
        for what, route in routes.items()
    }
    return {**paths, f"who may, errors as documents, how long it took: `{API}`": API}


def _request(path: str) -> Callable[[], object]:
    application = _application()

    def ask() -> object:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        response = application(environ, _start)
        try:
            return b"".join(response)
        finally:
            response.close()

    ask()
    return ask


def _start(status: str, headers: Any, error: Any = None) -> None:
    if not status.startswith("200"):
        raise SystemExit(f"It was not answered with 200 but with {status}.")


def _application() -> Any:
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
