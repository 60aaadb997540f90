import cachedemo
from products.models import Product


@cachedemo.register(Product)
class ProductCache(cachedemo.ModelCache[Product]):
    fields = [
        "category",
        "sku",
        "name",
        "price",
        "sale_price",
        "stock",
        "attributes",
        "available_from",
        "is_deleted",
    ]
    manager = "objects"  # a product that it hides is not there for any read
    lookups = ["sku"]
    timeout = 300  # seconds
