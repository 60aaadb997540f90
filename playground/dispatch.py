"""One address, two pages: the playground under OPEN_ACCESS, the plain page otherwise."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from playground import user_page
from users.pages import views


@transaction.non_atomic_requests  # Django asks the view that the address names, and that is this one
def user(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return (user_page.user if settings.OPEN_ACCESS else views.user)(request, **kwargs)
