"""The admin's form of a user: what it was shown with, and the pattern to save in."""

from typing import Any

from django import forms

from cachedemo import Pattern, cache_for
from users.models import User

CHANGED_SINCE = "Somebody else changed this user since you opened the form. Nothing was saved: open it again."
PATTERNS = [(pattern.value, pattern.value) for pattern in Pattern]


class UserForm(forms.ModelForm):
    """Refuses to save over a newer stamp than it was shown with."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    pattern = forms.ChoiceField(choices=PATTERNS, required=False)

    class Meta:
        model = User
        fields = ("name", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = getattr(self.instance, "etag", "")
        self.initial["pattern"] = str(cache_for(User).pattern)

    def clean_pattern(self) -> str:
        return self.cleaned_data["pattern"] or str(cache_for(User).pattern)

    def clean(self) -> dict[str, Any] | None:
        """Compare what was shown with what was loaded just now."""
        cleaned = super().clean()
        if self.instance.pk is not None and self.cleaned_data.get("seen") != self.initial["seen"]:
            raise forms.ValidationError(CHANGED_SINCE)
        return cleaned
