"""Tests of a project that uses cachedemo, in Django's classes; test_mixin.py runs them in a project of their own."""

from urllib.request import urlopen

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, transaction
from django.test import LiveServerTestCase, TestCase, TransactionTestCase, override_settings
from shop.models import Book

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.servers import roles
from cachedemo.testing import CacheTestMixin


def title_in_the_database(pk):
    return Book.objects.get(pk=pk).title


class InTestCase(CacheTestMixin, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.book = cache_for(Book).create(title="of the class")
        cls.waiting = Book.objects.create(title="row")
        cache_for(Book).via("write-behind").update(cls.waiting.pk, title="waits")

    def look_at_what_waits(self):
        books, pk = cache_for(Book), self.waiting.pk
        self.assertEqual((books.get(pk).title, title_in_the_database(pk)), ("waits", "row"))
        self.assertEqual(books.table.queue.depth(), 1)
        self.assertEqual(self.drain(), 1)
        self.assertEqual((books.get(pk).title, title_in_the_database(pk)), ("waits", "waits"))
        self.assertEqual(self.drain(), 0)

    def test_what_set_up_test_data_left_waiting_waits(self):
        self.look_at_what_waits()

    def test_and_in_the_next_test_again(self):
        self.look_at_what_waits()

    def test_the_second_read_is_one_trip(self):
        books = cache_for(Book)
        with self.assertCacheTrips(cache=3, queue=1) as trips:
            books.get(self.book.pk)
        self.assertEqual([trip.server for trip in trips], ["cache", "cache", "queue", "cache"])
        with self.assert_cache_trips(1):
            books.get(self.book.pk)

    def test_trips_that_are_too_many_are_listed(self):
        cache_for(Book).get(self.book.pk)
        with self.assertRaises(AssertionError) as caught, self.assertCacheTrips(2):
            cache_for(Book).get(self.book.pk)
        said = f"1 != 2 : 1 round trips, 2 expected\n1. cache: GET v1:book:{self.book.pk} (look in the cache: a value)"
        self.assertEqual(str(caught.exception), said)

    def test_a_save_is_read_and_then_cached(self):
        books = cache_for(Book)
        books.get(self.book.pk)
        self.book.title = "saved"
        self.book.save()
        self.assertEqual(books.get(self.book.pk).title, "saved")
        with self.assertCacheTrips(1):
            self.assertEqual(books.get(self.book.pk).title, "saved")

    def test_a_save_in_a_block_that_has_ended_is_read_and_then_cached(self):
        books = cache_for(Book)
        books.get(self.book.pk)
        with transaction.atomic():
            self.book.title = "saved"
            self.book.save()
            with self.assertCacheTrips(cache=1):
                self.assertEqual(books.get(self.book.pk).title, "saved")
        self.assertEqual(books.get_many([self.book.pk])[self.book.pk].title, "saved")
        with self.assertCacheTrips(1):
            self.assertEqual(books.get(self.book.pk).title, "saved")

    def test_a_save_that_is_rolled_back_is_not_read(self):
        books = cache_for(Book)
        books.get(self.book.pk)
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.book.title = "saved"
            self.book.save()
            self.assertEqual(books.get(self.book.pk).title, "saved")
            raise ZeroDivisionError
        self.assertEqual(books.get(self.book.pk).title, "of the class")

    def test_a_row_that_was_deleted_is_gone(self):
        books = cache_for(Book)
        books.get(self.book.pk)
        self.book.delete()
        with self.assertRaises(Book.DoesNotExist):
            books.get(self.book.pk or 1)
        books.get(self.waiting.pk)
        Book.objects.filter(pk=self.waiting.pk).delete()
        with self.assertRaises(Book.DoesNotExist):
            books.get(self.waiting.pk)

    def test_an_eviction_takes_effect_at_once(self):
        books = cache_for(Book)
        books.get(self.book.pk)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE shop_book SET title = 'raw' WHERE id = %s", [self.book.pk])
        self.assertEqual(books.get(self.book.pk).title, "of the class")
        books.evict([self.book.pk])
        self.assertEqual(books.get(self.book.pk).title, "raw")

    def test_the_hooks_that_are_captured_are_the_projects_own(self):
        seen, books = [], cache_for(Book)
        books.get(self.book.pk)

        def look():
            seen.append(books.get(self.book.pk).title)

        with self.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
            transaction.on_commit(look)
            self.book.title = "saved"
            self.book.save()
            books_made = Book.objects.bulk_create([Book(title="bulk")])
            transaction.on_commit(look, robust=True)
        self.assertEqual(callbacks, [look, look])
        self.assertEqual(seen, ["saved", "saved"])
        self.assertEqual(books.get(books_made[0].pk).title, "bulk")

    def test_hooks_that_were_there_before_are_not_captured(self):
        first, second = (lambda: None), (lambda: None)
        with transaction.atomic():
            transaction.on_commit(first)
            self.book.save()
            with self.captureOnCommitCallbacks() as callbacks:
                self.book.title = "saved"
                self.book.save()
                transaction.on_commit(second)
        self.assertEqual(callbacks, [second])

    def test_writes_through_a_cache_leave_no_hooks(self):
        with TestCase.captureOnCommitCallbacks() as callbacks:
            for pattern in ("cache-aside", "write-through", "write-behind"):
                cache_for(Book).via(pattern).update(self.book.pk, title=pattern)
            self.book.refresh_from_db()
            self.book.title = "saved"
            self.book.save()
        self.assertEqual(callbacks, [])

    def test_a_broken_cache_is_read_past_and_back_afterwards(self):
        books = cache_for(Book)
        with self.broken_cache():
            self.assertIsNone(books.read(self.book.pk).slot)
            self.assertEqual(books.update(self.book.pk, title="written").title, "written")
        self.assertEqual(roles.CACHE.breaker.state, "closed")
        self.assertEqual(books.get(self.book.pk).title, "written")

    def test_a_broken_queue_refuses_writes_and_takes_them_afterwards(self):
        books = cache_for(Book)
        with self.broken_queue(), self.assertRaises(QueueUnavailable):
            books.via("write-behind").update(self.book.pk, title="written")
        books.via("write-behind").update(self.book.pk, title="written")
        self.assertEqual(self.drain(), 2)

    async def test_an_asynchronous_test_drains_and_counts(self):
        pk = self.waiting.pk
        answer = await self.async_client.get(f"/{pk}/")
        self.assertEqual(answer.content, b"waits")
        with self.assertCacheTrips(1):
            await self.async_client.get(f"/{pk}/")
        self.assertEqual(await self.adrain(), 1)
        self.assertEqual(await sync_to_async(title_in_the_database)(pk), "waits")


class InTwoDatabasesOfTestCase(CacheTestMixin, TestCase):
    databases = {"default", "other"}

    @classmethod
    def setUpTestData(cls):
        cls.here = cache_for(Book).create(title="here")
        cls.there = cache_for(Book, using="other").create(title="there")
        cache_for(Book, using="other").via("write-behind").update(cls.there.pk, title="waits")

    def test_all_that_waits_is_drained(self):
        self.assertEqual(cache_for(Book, using="other").get(self.there.pk).title, "waits")
        cache_for(Book).via("write-behind").update(self.here.pk, title="waits")
        self.assertEqual(self.drain(), 2)
        self.assertEqual((Book.objects.get().title, Book.objects.using("other").get().title), ("waits", "waits"))

    def test_what_waits_is_there_after_an_outage_at_the_beginning(self):
        there = cache_for(Book, using="other")
        with self.broken_queue(), self.assertRaises(QueueUnavailable):
            there.get(self.there.pk)
        self.assertEqual(there.get(self.there.pk).title, "waits")


@override_settings(CACHEDEMO={**settings.CACHEDEMO, "STRICT_READS": False})
class WithSettingsOfTheImportTestCase(CacheTestMixin, TestCase):
    """The settings were written down when this module was imported, perhaps before any server was started."""

    def test_the_servers_of_the_tests_are_asked(self):
        book = cache_for(Book).create(title="row")
        with self.broken_queue():
            self.assertEqual(cache_for(Book).get(book.pk).title, "row")


class InTransactionTestCase(CacheTestMixin, TransactionTestCase):
    def look(self):
        books = cache_for(Book)
        with self.assertRaises(Book.DoesNotExist):
            books.get(1)
        book = Book.objects.create(pk=1, title="row")
        books.via("write-behind").update(book.pk, title="waits")
        with self.assertCacheTrips(1):
            self.assertEqual(books.get(1).title, "waits")
        self.assertEqual(self.client.get("/1/?to=later").content, b"later")
        self.assertEqual(self.drain(), 1)
        self.assertEqual(title_in_the_database(1), "later")

    def test_hooks_in_a_block_are_captured_whatever_stands_before_them(self):
        first, second = (lambda: None), (lambda: None)
        book = Book.objects.create(pk=1, title="row")
        with transaction.atomic():
            transaction.on_commit(first)
            with self.captureOnCommitCallbacks() as callbacks:
                book.title = "saved"
                book.save()
                transaction.on_commit(second)
        self.assertEqual(callbacks, [second])

    def test_it_begins_empty(self):
        self.look()

    def test_and_so_does_the_next(self):
        self.look()


class InLiveServerTestCase(CacheTestMixin, LiveServerTestCase):
    def test_what_a_request_has_written_behind_is_drained_here(self):
        Book.objects.create(pk=1, title="row")
        self.assertEqual(urlopen(f"{self.live_server_url}/1/?to=waits").read(), b"waits")
        self.assertEqual(title_in_the_database(1), "row")
        self.assertEqual(self.drain(), 1)
        self.assertEqual(title_in_the_database(1), "waits")
        with self.broken_cache():
            self.assertEqual(urlopen(f"{self.live_server_url}/1/").read(), b"waits")


class WithoutTheMixin(TestCase):
    """Servers are needed from the first write through a cache on."""

    @classmethod
    def setUpTestData(cls):
        cls.book = Book.objects.create(title="row")

    def test_a_write_behind_is_read(self):
        cache_for(Book).via("write-behind").update(self.book.pk, title="waits")
        self.assertEqual(cache_for(Book).get(self.book.pk).title, "waits")
