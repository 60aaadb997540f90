"""Tests of a project that uses cachedemo, with pytest; test_pytest_plugin.py runs them in a project of their own."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.test import override_settings
from shop.models import Book

from cachedemo import cache_for
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.servers import roles

CHILD = """
import django
django.setup()
from django.conf import settings
from cachedemo.servers import roles
print(settings.CACHEDEMO["CACHE_URL"], roles.CACHE.command("GET", "known"))
"""


@pytest.fixture
def book(db):
    return cache_for(Book).create(title="row")


def test_what_waits_is_drained(book, drain):
    books = cache_for(Book)
    books.via("write-behind").update(book.pk, title="waits")
    assert Book.objects.get().title == "row"
    assert drain() == 1
    assert Book.objects.get().title == "waits"


def test_trips_are_counted(book, assert_cache_trips):
    with assert_cache_trips(cache=3, queue=1):
        cache_for(Book).get(book.pk)
    with pytest.raises(AssertionError, match=r"1 != 0 : 1 round trips, 0 expected\n1\. cache: GET v1:book:"):  # noqa: SIM117
        with assert_cache_trips(0):
            cache_for(Book).get(book.pk)


@pytest.mark.parametrize("silent", [False, True])
def test_a_cache_that_is_broken_is_read_past(book, broken_cache, silent):
    with override_settings(CACHEDEMO={**settings.CACHEDEMO, "TIMEOUT": 0.2}), broken_cache(silent=silent):
        with pytest.raises(CacheUnavailable, match="in time" if silent else "cannot be reached"):
            roles.CACHE.command("PING")
        assert cache_for(Book).get(book.pk).title == "row"
    assert roles.CACHE.command("PING")


def test_a_queue_that_is_broken_takes_nothing(book, broken_queue):
    books = cache_for(Book)
    with broken_queue(), pytest.raises(QueueUnavailable):
        books.via("write-behind").update(book.pk, title="waits")
    assert books.via("write-behind").update(book.pk, title="waits").title == "waits"


def test_hooks_of_the_project_alone_are_captured(book, cachedemo_capture_on_commit_callbacks):
    from django.db import transaction

    def hook():
        assert cache_for(Book).get(book.pk).title == "saved"

    with cachedemo_capture_on_commit_callbacks(execute=True) as callbacks, transaction.atomic():
        book.title = "saved"
        book.save()
        transaction.on_commit(hook)
    assert callbacks == [hook]


def test_a_child_process_asks_the_same_servers(cachedemo_servers):
    roles.CACHE.command("SET", "known", "yes", "EX", 60)
    ran = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [cachedemo_servers.cache.url(0), "b'yes'"]


def test_a_pair_of_servers_has_started(cachedemo_servers):
    assert settings.CACHEDEMO["CACHE_URL"] == cachedemo_servers.cache.url(0)
    assert cachedemo_servers.cache.is_running
