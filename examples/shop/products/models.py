import uuid

from django.db import models

from cachedemo.managers import CachedManager, CachedQuerySet
from cachedemo.models import Stamped


class Category(models.Model):
    """Not registered: Django reads and writes it as ever."""

    name = models.CharField(max_length=100)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ProductsForSale(CachedManager["Product"]):
    def get_queryset(self) -> CachedQuerySet["Product"]:
        return super().get_queryset().filter(is_deleted=False)


class Product(Stamped):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    sku = models.CharField("SKU", max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    sale_price = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    stock = models.PositiveIntegerField(default=0)
    attributes = models.JSONField(default=dict, blank=True)
    available_from = models.DateTimeField(null=True, blank=True)
    is_deleted = models.BooleanField("deleted", default=False)

    everything = CachedManager["Product"]()  # the first one is the admin's
    objects = ProductsForSale()

    def __str__(self) -> str:
        return self.name
