"""One view that sends one cached row, of the peer that `PEER` names: its URLs, and the application for each server."""

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.peers import project

PEER: Any = None  # once there is an application


def _set_up() -> None:
    global PEER
    name, cache_url, queue_url, database = json.loads(os.environ["PEER"])
    PEER = project.set_up(name, cache_url, queue_url, Path(database))


def wsgi() -> Any:
    """Return the application for gunicorn: `benchmarks.peers.web:wsgi()`."""
    _set_up()
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def asgi() -> Any:
    """Return the application for uvicorn, with an async view for those whose documents have one."""
    _set_up()
    from django.core.handlers.asgi import ASGIHandler

    return ASGIHandler()


def person(request: Any, pk: int) -> Any:
    return _response(PEER.body(pk))


async def aperson(request: Any, pk: int) -> Any:
    return _response(await PEER.abody(pk))


def _response(body: bytes) -> Any:
    """Return it with its length, which Django's CommonMiddleware says else: so no server sends it in chunks."""
    from django.http import HttpResponse

    return HttpResponse(body, content_type="application/json", headers={"Content-Length": str(len(body))})


def __getattr__(name: str) -> Any:
    """The URLs, once Django asks for them: which view there is depends on the server."""
    from django.urls import path

    if name != "urlpatterns":
        raise AttributeError(name)
    is_async = os.environ.get("PEER_SERVER") == "uvicorn" and PEER.is_async
    return [path("people/<int:pk>", aperson if is_async else person)]
