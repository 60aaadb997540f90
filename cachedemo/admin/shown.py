"""Forms that know what they showed: each field sends it along, hidden, so that a save writes what was changed only.

A form that is sent is built anew over the row as it is by then. What it showed is Django's `show_hidden_initial`: a
field counts as changed if it was sent with another value than it was shown with, whatever the row has by now. The
other fields keep what the row has now.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.functional import cached_property

from cachedemo.admin import refusals
from cachedemo.admin.refusals import ChangedSinceShown
from cachedemo.exceptions import QueueUnavailable
from cachedemo.model_cache import ModelCache
from cachedemo.patterns.saving import REFUSE
from cachedemo.protocol import aliases
from cachedemo.registry import find_cache


class ShownForm(forms.ModelForm):
    """A form over a row that others change too.

    With `stale_saves = "refuse"` it is invalid if a field that it showed is another by now.

    Attributes:
        replaced: labels of the fields that both this form and somebody else have changed; this form's values win.
    """

    explain: Callable[[Exception], str] = staticmethod(refusals.explain)
    replaced: Sequence[Any] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        for name in self._fields_of_the_row():
            self.fields[name].show_hidden_initial = not self.is_bound or self._sends_what_it_showed(name)

    def clean(self) -> dict[str, Any] | None:
        """Let every field that was not changed be what the row has now, before anything else looks at it."""
        if not self.instance._state.adding:
            stale = self._stale_fields()
            if stale and self.has_changed() and self._refuses():
                labels = [self[name].label for name in stale]
                raise forms.ValidationError(
                    self.explain(ChangedSinceShown(labels, self.instance._meta.verbose_name)), code="stale"
                )
            self.replaced = [self[name].label for name in stale if name in self.changed_data]
            self._keep_what_was_not_changed(stale)
        return super().clean()

    @cached_property
    def changed_data(self) -> list[str]:
        """Return the fields that were changed; a file, of which only the name was shown, if another was sent."""
        return [name for name in super().changed_data if not self._is_file(name) or self._is_sent(self[name])]

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out, as Django does with fields that are not on the form, what waits and was not changed on it.

        It was acknowledged, whatever a constraint says of it, and must not stop a change of another field.
        """
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions | (self._waiting_fields - set(self.changed_data))

    @cached_property
    def _waiting_fields(self) -> set[str]:
        if self.instance._state.adding or not self.has_changed() or (cache := self._cache()) is None:
            return set()
        try:
            [waiting], _ = cache.table.queue.pending([self.instance.pk], cache.table.slots.version)
        except QueueUnavailable:  # the save will say so
            return set()
        return {field.name for attname, field in cache.table.codec.fields.items() if attname in waiting}

    def _fields_of_the_row(self) -> list[str]:
        columns = {field.name for field in self.instance._meta.concrete_fields if not field.primary_key}
        return [name for name in self.fields if name in columns]

    def _is_file(self, name: str) -> bool:
        return isinstance(self.fields[name], forms.FileField)

    def _is_sent(self, file: BoundField) -> bool:
        return file.field.has_changed(file.initial, file.data)

    def _sends_what_it_showed(self, name: str) -> bool:
        """Whether the browser had it from us; what a program sends counts as changed if the row has another value."""
        hidden = self.fields[name].hidden_widget()
        return not hidden.value_omitted_from_data(self.data, self.files, self.add_initial_prefix(name))

    def _refuses(self) -> bool:
        cache = self._cache()
        return cache is not None and cache.stale_saves == REFUSE

    def _cache(self) -> ModelCache | None:
        return find_cache(type(self.instance), self.instance._state.db or aliases.chosen(type(self.instance)))

    def _stale_fields(self) -> list[str]:
        """Return the fields that the row has other values of than were shown."""
        shown = [name for name in self._fields_of_the_row() if self.fields[name].show_hidden_initial]
        return [name for name in shown if _sent(self[name]) != _would_send(self[name])]

    def _keep_what_was_not_changed(self, stale: list[str]) -> None:
        for name in set(self._fields_of_the_row()) - set(self.changed_data):
            related = self.instance._meta.get_field(name).is_relation
            if name in self.cleaned_data and (name in stale or not related):  # a related row costs a query
                self.cleaned_data[name] = getattr(self.instance, name)


def shown_form(form: Any, explain: Callable[[Exception], str]) -> Any:
    """Return a project's form as one that knows what it showed."""
    return type(form)(form.__name__, (ShownForm, form), {"explain": staticmethod(explain), "__module__": __name__})


def _sent(bound: BoundField) -> list[str]:
    """Return what came back of what a field showed: a text, or several for a field of several parts."""
    form = bound.form
    value = bound.field.hidden_widget().value_from_datadict(form.data, form.files, bound.html_initial_name)
    return [_text(part) for part in (value if isinstance(value, list) else [value])]


def _would_send(bound: BoundField) -> list[str]:
    """Return what would come back if the field were shown now."""
    widget = bound.field.hidden_widget()
    widget.is_localized = bool(bound.field.localize)
    part = widget.get_context(bound.html_initial_name, bound.field.prepare_value(bound.initial), {})["widget"]
    return [_text(each["value"]) for each in part.get("subwidgets", [part])]


def _text(value: Any) -> str:
    """Return a value as text; a browser sends every end of a line as CR LF."""
    return "" if value is None else str(value).replace("\r\n", "\n")
