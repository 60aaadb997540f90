"""Stub."""

from django.http import HttpRequest, HttpResponse

from users.playground.access import playground_page


@playground_page("POST")
def compare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


@playground_page()
def run(request: HttpRequest, run: str) -> HttpResponse:
    return HttpResponse("")
