from django.contrib import admin
from django.urls import path

from products import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("products/<uuid:pk>/", views.product),
    path("products/sku/<str:sku>/", views.product_by_sku),
    path("products/<uuid:pk>/count/", views.count),
    path("products/<uuid:pk>/stock/", views.stock),
]
