"""What the pages show, with and without the two servers."""

from decimal import Decimal
from typing import Any

from django.test import TestCase

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.testing import CacheTestMixin
from products.models import Category, Product


class ProductPages(CacheTestMixin, TestCase):
    tea: Product
    page: str

    @classmethod
    def setUpTestData(cls) -> None:
        teas = Category.objects.create(name="Teas")
        cls.tea = cache_for(Product).create(category=teas, name="Assam", sku="TEA-1", price=Decimal("4.50"), stock=8)
        cls.page = f"/products/{cls.tea.pk}/"

    def test_a_count_is_shown_at_once_and_is_in_the_database_after_a_flush(self) -> None:
        self.assertEqual(self.client.post(f"{self.page}count/", {"stock": 7}).status_code, 202)
        self.assertEqual(self.client.get(self.page).json()["stock"], 7)
        self.assertEqual(Product.objects.get().stock, 8)
        self.assertEqual(self.drain(), 1)
        self.assertEqual(Product.objects.get().stock, 7)

    def sell(self, increment: object) -> Any:
        body = {"stock": {"increment": increment}}
        return self.client.patch(f"{self.page}stock/", body, content_type="application/json")

    def test_what_is_sold_is_taken_from_the_last_count_and_never_more_than_there_are(self) -> None:
        self.client.post(f"{self.page}count/", {"stock": 3})
        self.assertEqual(self.sell(-2).json(), {"stock": 1})
        self.assertEqual(self.sell(-2).status_code, 409)
        self.assertEqual(self.sell("two").status_code, 400)
        self.assertEqual(self.client.patch(f"{self.page}stock/", "{}").status_code, 400)
        self.assertEqual(self.client.get(self.page).json()["stock"], 1)
        self.drain()
        self.assertEqual(Product.objects.get().stock, 1)

    def test_a_page_that_was_shown_before_asks_the_cache_once(self) -> None:
        self.client.get(self.page)
        with self.assertCacheTrips(1), self.assertNumQueries(0):
            self.client.get(self.page)

    def test_a_product_is_found_by_its_sku_in_two_trips(self) -> None:
        self.client.get("/products/sku/TEA-1/")
        with self.assertCacheTrips(2), self.assertNumQueries(0):
            self.assertEqual(self.client.get("/products/sku/TEA-1/").json()["name"], "Assam")
        self.assertEqual(self.client.get("/products/sku/TEA-2/").status_code, 404)

    def test_without_the_cache_the_page_is_shown(self) -> None:
        with self.broken_cache():
            self.assertEqual(self.client.get(self.page).json()["name"], "Assam")

    def test_without_the_queue_no_count_is_taken(self) -> None:
        with self.broken_queue(), self.assertRaises(QueueUnavailable):
            self.client.post(f"{self.page}count/", {"stock": 7})
        self.assertEqual(self.client.get(self.page).json()["stock"], 8)
