"""Every URL of the example project: the playground, if it is open, lies over the users' pages."""

from django.contrib import admin
from django.urls import include, path

from playground.access import while_open

urlpatterns = [
    path("admin/", admin.site.urls),
    while_open("playground.urls"),
    path("", include("users.urls")),
]
