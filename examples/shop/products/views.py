"""Views that read through the cache, by key and by SKU, one that writes behind it, and one that adds to a number."""

import json
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from cachedemo import Pattern, cache_for
from products.models import Product


def product(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _shown(_find(pk=pk))


def product_by_sku(request: HttpRequest, sku: str) -> HttpResponse:
    """What a scanner asks for: two round trips to the cache, and none to the database."""
    return _shown(_find(sku=sku))


def _shown(found: Product) -> HttpResponse:
    return JsonResponse(
        {
            "name": found.name,
            "price": found.price if found.sale_price is None else found.sale_price,
            "stock": found.stock,
            "attributes": found.attributes,
        }
    )


@csrf_exempt  # for curl
@require_POST
def count(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a count from the warehouse, which comes often; the database has it when the worker has flushed."""
    _find(pk=pk)
    try:
        counted = cache_for(Product).via(Pattern.WRITE_BEHIND).update(pk, stock=request.POST.get("stock"))
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=400)
    return JsonResponse({"stock": counted.stock}, status=202)


@csrf_exempt  # for curl
@require_http_methods(["PATCH"])
def stock(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`{"stock": {"increment": -2}}` sells two, whatever is sold meanwhile, and never more than there are."""
    _find(pk=pk)
    try:
        delta = int(json.loads(request.body)["stock"]["increment"])
    except (ValueError, LookupError, TypeError):
        return JsonResponse({"errors": ['Send {"stock": {"increment": -1}}.']}, status=400)
    try:
        sold = cache_for(Product).increment(pk, {"stock": delta}, min=0)
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=409)
    return JsonResponse({"stock": sold.stock})


def _find(pk: UUID | None = None, sku: str = "") -> Product:
    try:
        return cache_for(Product).get(pk) if pk else cache_for(Product).get_by(sku=sku)
    except Product.DoesNotExist as error:  # a deleted one, too
        raise Http404("There is no such product.") from error
