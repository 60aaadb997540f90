"""The page that says in words what is missing or down, with the status that belongs to it."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def in_words(request: HttpRequest, status: int, title: str, sentences: list[str]) -> HttpResponse:
    """Render a page that asks for no session and no account: the database may be what is down."""
    context = {"status": status, "phrase": HTTPStatus(status).phrase, "heading": title, "sentences": sentences}
    return render(request, "users/problem.html", context, status=status)
