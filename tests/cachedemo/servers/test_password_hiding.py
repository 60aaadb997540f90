"""Django's error page and mail show no password of a URL, whatever the setting, variable or local is called."""

import sys

import pytest
from django.http import HttpRequest
from django.views.debug import ExceptionReporter, get_default_exception_reporter_filter

from cachedemo.servers.password_hiding import HidesPasswordsInUrls

HUSH = "".join(["hu", "sh", "9"])  # in pieces, for the lines of this file are shown too
URL = f"redis://web:{HUSH}@cache.example.com:6379/0"


@pytest.fixture(params=[True, False], ids=["page", "mail"])
def debug(request, settings):
    settings.DEBUG = request.param


def report(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": URL, "QUEUE_URL": f"redis://h/0?password={HUSH}"}
    settings.CELERY_BROKER_URL = URL
    settings.CACHES = {"default": {"BACKEND": "none", "LOCATION": [URL, f"rediss://:{HUSH}@x@h/1"]}}
    request = HttpRequest()
    request.META |= {"REDIS_URL": URL, "DATABASE_URL": f"postgres://u:{HUSH}@h/d"}
    request.META |= {"SERVER_NAME": "h", "SERVER_PORT": "80"}
    url, options = URL, {"password": HUSH, "url": URL, "host": "cache.example.com"}
    try:
        raise ValueError(len(url), len(options))
    except ValueError:
        return ExceptionReporter(request, *sys.exc_info())


@pytest.mark.usefixtures("debug")
def test_nothing_that_is_shown_has_a_password_in_it(settings):
    said = report(settings)
    for text in (said.get_traceback_html(), said.get_traceback_text()):
        assert "cache.example.com" in text
        assert HUSH not in text


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize(
    "url",
    [
        f"redis://{HUSH}@h/0",
        f"redis://:{HUSH}@ x{HUSH}@h/0",
        f"redis://h/0?auth={HUSH}",
        f"redis://h/{HUSH}",
        f"redis://h:{HUSH}/0",
        f"redis:/:{HUSH}@h/0",
        f"//:{HUSH}@h/0",
        HUSH,
    ],
)
def test_of_a_url_that_cannot_be_read_nothing_is_shown(settings, url):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    try:
        raise_with(url, [url, {"location": (url, 5)}])
    except ValueError:
        said = ExceptionReporter(None, *sys.exc_info())
    for text in (said.get_traceback_html(), said.get_traceback_text()):
        assert HUSH not in text


@pytest.mark.usefixtures("debug")
def test_a_password_that_stands_alone_is_hidden_too(settings):
    """As in a frame of redis-py, which has what it is about to send."""
    spaced = HUSH + " " + HUSH
    settings.CACHEDEMO = {
        "CACHE_URL": f"redis://web:{HUSH}%20{HUSH}@h/0",
        "QUEUE_URL": "redis://h/1",
        "QUEUE_OPTIONS": {"password": HUSH[::-1]},
        "METRICS_TOKEN": HUSH * 2,
    }
    others = [("AUTH", HUSH[::-1]), f"*3 AUTH web {spaced}".encode(), {spaced}, bytearray(HUSH[::-1], "ascii")]
    try:
        raise_with(["web", spaced], [*others, {"token": HUSH * 2, "said": f"no {spaced}!"}])
    except ValueError:
        said = ExceptionReporter(None, *sys.exc_info())
    for text in (said.get_traceback_html(), said.get_traceback_text()):
        assert HUSH not in text
        assert HUSH[::-1] not in text


def test_what_is_short_hides_no_other_words(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://:ab@h/0"}
    assert HidesPasswordsInUrls().cleanse_setting("X", {"A": "cabin", "B": "ab"}) == {"A": "cabin", "B": "********"}


def raise_with(place, several):
    raise ValueError(len(place), len(several))


def test_a_url_keeps_all_but_its_password():
    cleansed = HidesPasswordsInUrls().cleanse_setting("X", {"CACHE_URL": URL, "N": 1, "T": ("mailto:a@b", "12:30")})
    assert cleansed == {"CACHE_URL": URL.replace(HUSH, "********"), "N": 1, "T": ("mailto:a@b", "12:30")}


def test_the_example_has_this_filter():
    get_default_exception_reporter_filter.cache_clear()
    assert isinstance(get_default_exception_reporter_filter(), HidesPasswordsInUrls)
