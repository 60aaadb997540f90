"""The forms of the pages. Whether an email is taken is for the database to say, in the same step as the write."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.http import QueryDict

from cachedemo import Pattern
from users.api.problems import taken_fields, taken_sentence
from users.models import User

FIELDS = ("name", "email")
_NAME, _EMAIL = (cast(models.CharField, User._meta.get_field(name)) for name in FIELDS)


class UserForm(forms.Form):
    """A user's fields."""

    name = forms.CharField(max_length=_NAME.max_length, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(max_length=_EMAIL.max_length, widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def refuse(self, error: IntegrityError | ValidationError) -> None:
        """Put beside the fields what was wrong with them when they were written."""
        if isinstance(error, ValidationError):
            self.add_error(None, error)
            return
        taken = taken_fields(error)
        for name in taken:
            self.add_error(name, taken_sentence(name))
        if not taken:
            self.add_error(None, "The database refuses this user.")


class NewUserForm(UserForm):
    """A user to add, and the pattern to do it in."""

    pattern = forms.ChoiceField(
        choices=[(pattern.value, pattern.value) for pattern in Pattern],
        initial=Pattern.CACHE_ASIDE.value,
        widget=forms.RadioSelect,
        help_text="The database hands out the id, so it is written at once in every pattern. "
        "Cache-aside leaves the cache empty, the others fill it.",
    )


class EditForm(UserForm):
    """A user as it was shown, and what somebody made of it.

    A form whose row has changed since it was shown is refused, whichever field it was: the person decided by what
    they saw. And only what they changed is written, so that a field which they left alone stays as it is even if
    somebody else writes it at this very moment. Hidden fields hold what was shown: its ETag, and each value.
    """

    etag = forms.CharField(widget=forms.HiddenInput)
    has_conflict = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FIELDS:
            self.fields[name].show_hidden_initial = True

    def changes(self) -> dict[str, Any]:
        """Return the fields that the person changed."""
        return {name: self.cleaned_data[name] for name in FIELDS if name in self.changed_data}

    def show_both(self, current: dict[str, Any], etag: str) -> None:
        """Refuse the form and show what the row is now; saving again is then a decision."""
        mine = self.changed_data
        self.has_conflict = True
        data = cast(QueryDict, self.data).copy()
        data["etag"] = etag
        self.add_error(None, "Somebody else changed this user after you opened this page. Nothing is saved yet.")
        for name in FIELDS:
            self._show_both(data, name, current[name], changed=name in mine)
        self.data = data

    def _show_both(self, data: QueryDict, name: str, now: str, changed: bool) -> None:
        shown = data.get(self[name].html_initial_name, "")
        if now == shown:
            return
        data[self[name].html_initial_name] = now
        if changed:
            self.add_error(name, f"It was “{shown}” and is now “{now}”. Save again to make it yours.")
        else:
            data[self[name].html_name] = now
            self.add_error(name, f"Somebody else changed this from “{shown}”. You did not, so theirs stays.")
