"""Two views: one reads through the cache, one writes behind it."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from cachedemo import Pattern, cache_for
from products.models import Product


def product(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(pk)
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
    _find(pk)
    try:
        counted = cache_for(Product).via(Pattern.WRITE_BEHIND).update(pk, stock=request.POST.get("stock"))
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=400)
    return JsonResponse({"stock": counted.stock}, status=202)


def _find(pk: UUID) -> Product:
    try:
        return cache_for(Product).get(pk)
    except Product.DoesNotExist as error:  # a deleted one, too
        raise Http404("There is no such product.") from error
