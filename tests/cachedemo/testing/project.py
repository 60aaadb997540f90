"""A small project of somebody else's, whose tests use cachedemo.testing; its own servers are not there."""

from pathlib import Path
from textwrap import dedent

SETTINGS = """
    import os
    SECRET_KEY = "s"
    INSTALLED_APPS = ("django.contrib.contenttypes", "cachedemo", "shop")
    DATABASES = {
        alias: {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(os.getcwd(), f"{alias}.sqlite3"),
            "TEST": {"NAME": os.environ.get("TEST_NAME") and os.path.join(os.getcwd(), f"test-{alias}.sqlite3")},
        }
        for alias in ("default", "other")
    }
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    USE_TZ = True
    STATIC_URL = "static/"
    ROOT_URLCONF = "shop.urls"
    ALLOWED_HOSTS = ["*"]
    CACHEDEMO = {
        "CACHE_URL": "redis://127.0.0.1:1/0",
        "QUEUE_URL": "redis://127.0.0.1:1/1",
        "CACHE_OPTIONS": {"password": "of the servers that are not there"},
    }
    TEST_RUNNER = os.environ.get("TEST_RUNNER", "cachedemo.testing.EmbeddedServersRunner")
"""
MODELS = """
    from django.db import models
    from cachedemo.models import Stamped

    class Book(Stamped):
        title = models.CharField(max_length=100)
        class Meta:
            app_label = "shop"
"""
CACHES = """
    import cachedemo
    from shop.models import Book

    @cachedemo.register(Book)
    class BookCache(cachedemo.ModelCache):
        fields = ["title"]
"""
URLS = """
    from django.http import HttpResponse
    from django.urls import path
    from cachedemo import cache_for
    from shop.models import Book

    def title(request, pk):
        books = cache_for(Book)
        if to := request.GET.get("to"):
            books.via("write-behind").update(pk, title=to)
        return HttpResponse(books.get(pk).title)

    urlpatterns = [path("<int:pk>/", title)]
"""


def make(folder: Path, **files: str) -> Path:
    """Make the project in a folder; `files` are further modules of its app."""
    (folder / "shop").mkdir(parents=True)
    texts = {"__init__": "", "settings": SETTINGS, "models": MODELS, "caches": CACHES, "urls": URLS, **files}
    for name, text in texts.items():
        (folder / "shop" / f"{name}.py").write_text(dedent(text))
    return folder
