"""The page that says what is down."""

from django.http import HttpRequest, HttpResponse

from cachedemo.views.outages import OUTAGES, Outage, explain, retry_after
from users.pages.problem_page import in_words

__all__ = ["OUTAGES", "Outage", "explain", "page"]


def page(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer a browser: what is down, what that means, how to fix it, and when to ask again."""
    found = explain(error)
    seconds = retry_after(error)
    response = in_words(request, 503, found.title, [found.meaning, found.fix], seconds)
    response.headers["Retry-After"] = str(seconds)
    return response
