"""Forms as a browser fills and sends them: every field of the page, the hidden ones too."""

from html.parser import HTMLParser
from typing import Any


class SentForm(HTMLParser):
    """What would be sent of the page's main form if its button were pressed at once."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = False
        self._area: str | None = None
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = str(given.get("id", "")).endswith(("_form", "changelist-form"))
        elif self._inside and tag == "textarea":
            self._area = given["name"]
            self.fields[self._area] = ""
        elif self._inside and tag == "select":
            self._select = given.get("name")
        elif self._inside and tag == "option" and self._select and "selected" in given:
            self.fields[self._select] = given["value"]
        elif self._inside and tag == "input" and given.get("name") and self._is_sent(given):
            self.fields[given["name"]] = given.get("value") or ("on" if given["type"] == "checkbox" else "")

    def _is_sent(self, given: dict[str, Any]) -> bool:
        if given["type"] in ("submit", "file", "button") or "disabled" in given:
            return False
        return given["type"] != "checkbox" or "checked" in given

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = None
        elif tag in ("form", "select"):
            self._inside, self._select = self._inside and tag != "form", None


def fill(page: Any, **changed: str) -> dict[str, str]:
    """Return what a browser sends of a page on which some fields were changed; lines end with CR LF."""
    fields = SentForm(page.content.decode()).fields
    unknown = changed.keys() - fields.keys()
    assert not unknown, f"no such fields on the page: {unknown}"
    return {name: value.replace("\n", "\r\n") for name, value in (fields | changed).items()}


def errors(page: Any) -> str:
    """Return what the page says is wrong with its forms."""
    context = page.context
    formset = getattr(context["cl"], "formset", None) if "cl" in context else None
    forms = list(formset.forms) if formset else [context["adminform"].form]
    forms += [form for each in context.get("inline_admin_formsets") or () for form in each.formset.forms]
    return " ".join(str(error) for form in forms for error in form.non_field_errors())


def said(page: Any) -> str:
    """Return the messages on a page."""
    return " ".join(str(message) for message in page.context["messages"])
