from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.generic import View
from ninja import NinjaAPI, Schema

from cachedemo.views import CachedRowMixin
from users.models import User


class UserView(CachedRowMixin, View):
    model = User


one_user = UserView.as_view()
api = NinjaAPI(urls_namespace="recipe")


class UserSchema(Schema):
    """What the documents say of a user; the rows are sent as they stand in the cache."""

    id: int
    name: str
    email: str
    visits: int


@api.get("/{pattern}/users/{pk}", response=UserSchema)
def read_user(request: HttpRequest, pattern: str, pk: int) -> HttpResponseBase:
    return one_user(request, pattern=pattern, pk=pk)


@api.patch("/{pattern}/users/{pk}", response={200: UserSchema, 202: UserSchema})
def change_user(request: HttpRequest, pattern: str, pk: int) -> HttpResponseBase:
    return one_user(request, pattern=pattern, pk=pk)


patterns, *names = api.urls
for each in patterns:  # inside a transaction no read fills the cache, and no write can be acknowledged
    each.callback = transaction.non_atomic_requests(each.callback)
urlpatterns = [path("", (patterns, *names))]
