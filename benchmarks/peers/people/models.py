"""The row that all peers serve: a plain model, and what cachedemo adds where that is installed."""

from django.apps import apps
from django.db import models

if apps.is_installed("cachedemo"):
    from cachedemo.models import Stamped as Base
else:
    Base = models.Model


class Person(Base):
    """As the example project's `User`."""

    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    visits = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "people"

    def __str__(self) -> str:
        return self.name
