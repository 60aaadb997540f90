"""The row that the three patterns serve."""

from django.db import models

from cachedemo.models import Stamped


class User(Stamped):
    """A demo user: the row being served, not the login.

    Accounts stay in `django.contrib.auth`, because the open demo lets anyone edit any `User`, and nobody who plays
    with a cache must be able to edit an account.
    """

    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    visits = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = "demo user"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
