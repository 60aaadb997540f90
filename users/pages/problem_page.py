"""The page that says in words what is missing or down, with the status that belongs to it."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def in_words(
    request: HttpRequest, status: int, title: str, sentences: list[str], retry_after: int | None = None
) -> HttpResponse:
    """Render a page that asks for no session and no account: the database may be what is down.

    Args:
        retry_after: seconds after which the page asks again by itself; None where that is of no use.
    """
    context = {"status": status, "phrase": HTTPStatus(status).phrase, "heading": title, "sentences": sentences}
    if retry_after is not None and request.method in (
        "GET",
        "HEAD",
    ):  # what a form sent is for its sender to send again
        context |= {"retry_after": retry_after, "here": request.get_full_path()}
    elif request.method == "POST":
        context |= {"back": request.get_full_path()}
    return render(request, "users/problem.html", context, status=status)
