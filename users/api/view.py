"""Writes of users: cachedemo's views, with the API's types to say what a body may be."""

from collections.abc import Collection
from typing import Any

from django.db import models
from django.urls import reverse
from django.views.generic import View
from pydantic import BaseModel

from cachedemo.views import CachedCreateMixin, CachedMixin, CachedRowMixin, Changes, Problem, changes_in
from users.api import body
from users.api.problems import NOUN, problem_of
from users.api.schemas import SomeFields, WholeUser
from users.models import User


class _Users(CachedMixin):
    model = User
    noun = NOUN
    pattern_header = ""  # every address names its pattern

    def get_changes(self) -> Changes:
        said = body.read(self.request, self.get_type()).model_dump(exclude_unset=True)
        return changes_in(self.get_cache(), said)

    def get_type(self) -> type[BaseModel]:
        return SomeFields if self.request.method == "PATCH" else WholeUser

    def get_problem(self, error: Exception) -> Problem:
        return problem_of(error)


class OneUser(CachedRowMixin, _Users, View):
    """One user."""

    def get_required(self, written: Collection[models.Field]) -> Collection[str]:
        return ()  # `WholeUser` says it


class NewUser(CachedCreateMixin, _Users, View):
    """The users there are to be."""

    def get_location(self, pk: Any) -> str:
        return reverse("users-api:read_user", kwargs={"pattern": self.get_pattern(), "id": pk})


one = OneUser.as_view()
new = NewUser.as_view()
