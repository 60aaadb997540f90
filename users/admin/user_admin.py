"""The demo users in Django's admin: each row with where it is, and a form that overwrites nothing it has not shown."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse

from cachedemo import Pattern, cache_for
from cachedemo.admin.model_admin import CachedModelAdmin
from cachedemo.exceptions import PreconditionFailed, StaleInstance
from users import outages
from users.admin.changelist import UserList
from users.admin.form import CHANGED_SINCE, UserForm
from users.models import User

WAYS = {
    Pattern.CACHE_ASIDE: "Saved in the database; the cache entry is dropped.",
    Pattern.WRITE_THROUGH: "Saved in the database and in the cache.",
    Pattern.WRITE_BEHIND: "Acknowledged by the queue; the database follows with the next flush.",
}


@admin.register(User)
class UserAdmin(CachedModelAdmin):
    """The list shows where each row is; the form loads through `read` and saves in the pattern chosen beside Save."""

    form = UserForm
    list_display = ("id", "name", "email", "origin", "pending")
    list_display_links = ("id", "name")
    search_fields = ("name", "email")
    ordering = ("pk",)
    fields = ("name", "email")  # the pattern stands beside Save

    @admin.display(description="origin")
    def origin(self, user: Any) -> str:
        """Where the next read finds the row."""
        return user.origin

    @admin.display(description="pending")
    def pending(self, user: Any) -> str:
        """What the database does not have yet."""
        return user.pending

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UserList]:
        return UserList

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and nothing else, in the chosen pattern; a new user is saved at once in any."""
        if not change:
            return super().save_model(request, obj, form, change)
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in ("name", "email")}
        if not fields:
            return None
        pattern = Pattern(form.cleaned_data["pattern"])
        # Write-behind has no step in which the database could decide, so the form has just compared.
        seen = None if pattern is Pattern.WRITE_BEHIND else form.cleaned_data["seen"]
        written = cache_for(User).via(pattern).write(obj.pk, fields, if_match=seen)
        reason = f" It went {written.pattern}: {written.reason}." if written.reason else ""
        messages.info(request, WAYS[written.pattern] + reason)
        return None

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Change without Django's transaction around it: a write is acknowledged when it is durable, not before."""
        if object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        return self.in_words(super()._changeform_view, request, object_id, form_url, extra_context)  # type: ignore[misc]

    def explain(self, error: Exception) -> str:
        changed = isinstance(error, StaleInstance | PreconditionFailed)
        return CHANGED_SINCE if changed else str(outages.explain(error))
