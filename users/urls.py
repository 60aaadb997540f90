"""Pages and API of the users."""

from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from users import converters as converters  # registers `pattern` and `row_id`
from users import health
from users.api.operations import api
from users.api.problems import not_found
from users.pages import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", RedirectView.as_view(pattern_name="users-api:openapi-view")),
    path("api/", api.urls),
    re_path("^api/", csrf_exempt(not_found)),
    path("", RedirectView.as_view(pattern_name="user-list")),
    path("users/", views.user_list, name="user-list"),
    path("<pattern:pattern>/users/<row_id:pk>/", views.user, name="user"),
    path("<pattern:pattern>/users/<row_id:pk>/delete/", views.delete_user, name="user-delete"),
    path("favicon.ico", views.favicon),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
