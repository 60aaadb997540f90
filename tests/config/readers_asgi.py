"""The project's settings as an ASGI application with a view that reads in the loop; for uvicorn, by test_asgi.py.

Without middleware: one that is sync only has Django put each request into a thread, and the loop has nothing to share.
"""

import os
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings.MIDDLEWARE = []
# A thousand readers at once keep this process busy for longer than a server may take.
settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 30.0, "CONNECT_TIMEOUT": 30.0}
django.setup()

from cachedemo import cache_for  # noqa: E402
from users.models import User  # noqa: E402

asked: list[str] = []  # the statements on users


async def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the row and where it came from."""
    entry = await cache_for(User).aread(pk)
    about = {"X-Origin": entry.origin, "Content-Length": str(len(entry.body or b""))}
    return HttpResponse(entry.body, content_type="application/json", headers=about)


async def statements(request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n".join(asked))


def _note(execute: Any, sql: str, *args: Any) -> Any:
    if "users_user" in sql:
        asked.append(sql)
    return execute(sql, *args)


def _watch(connection: Any, **kwargs: Any) -> None:
    connection.execute_wrappers.append(_note)


class Urls:
    urlpatterns = [path("read/<int:pk>", read), path("statements", statements)]


connection_created.connect(_watch)
settings.ROOT_URLCONF = Urls
application = get_asgi_application()
