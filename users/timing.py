"""Server-Timing: how long a request was at each server, for those who may see it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cachedemo import trace
from cachedemo.tracing.trace import server_timing
from users.api.responses import shows_timing

HEADER = "Server-Timing"


class ServerTiming:
    """Trace the requests of developers and operators; all others pass untouched."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not shows_timing(request):
            return self.get_response(request)
        with trace() as steps:
            response = self.get_response(request)
        timings = [response.headers.get(HEADER, ""), server_timing(steps)]
        if any(timings):
            response.headers[HEADER] = ", ".join(timing for timing in timings if timing)
        return response
