"""The project's ASGI application, and beside it a view that reads in the loop; for uvicorn, by test_asgi.py."""

from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.asgi import application as application

asked: list[str] = []  # the statements on users


async def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the row and where it came from."""
    from cachedemo import cache_for
    from users.models import User

    entry = await cache_for(User).aread(pk)
    return HttpResponse(entry.body, content_type="application/json", headers={"X-Origin": entry.origin})


async def statements(request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n".join(asked))


def _note(execute: Any, sql: str, *args: Any) -> Any:
    if "users_user" in sql:
        asked.append(sql)
    return execute(sql, *args)


def _watch(connection: Any, **kwargs: Any) -> None:
    connection.execute_wrappers.append(_note)


connection_created.connect(_watch)
# A thousand readers at once keep this process busy for longer than a server may take.
settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 30.0, "CONNECT_TIMEOUT": 30.0}
settings.MIDDLEWARE = []  # what is asked here is what a read needs


class Urls:
    urlpatterns = [path("read/<int:pk>", read), path("statements", statements)]


settings.ROOT_URLCONF = Urls
