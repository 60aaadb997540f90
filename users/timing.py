"""Server-Timing: how long a request was at each server, for those who may see it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from cachedemo import Entry, trace
from cachedemo.operations import monitoring_access
from cachedemo.tracing.trace import server_timing

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


def shows_timing(request: HttpRequest) -> bool:
    """Timings help developers and operators, and attackers too; so they are for the former."""
    return settings.DEBUG or monitoring_access.is_staff(request)


def add_read(request: HttpRequest, response: HttpResponse, entry: Entry, seconds: float) -> HttpResponse:
    """Say how long a read took, to those who may see it."""
    if shows_timing(request):
        response.headers[HEADER] = f'read;desc="{entry.origin}";dur={seconds * 1000:.3f}'
    return response
