from django.contrib import admin

from cachedemo.admin.model_admin import CachedModelAdmin
from products.models import Category, Product

admin.site.register(Category)


@admin.register(Product)
class ProductAdmin(CachedModelAdmin):
    list_display = ["name", "category", "price", "sale_price", "stock", "is_deleted"]
    list_filter = ["is_deleted", "category"]
