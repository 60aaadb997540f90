"""Words that explain themselves: a button that opens what it means, without a script."""

import re

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from users.pages.terms import TERMS, Term

register = template.Library()

_WORD = re.compile(rf"\b({'|'.join(TERMS)})(s|ed|ing)?\b([.,:;)?]*)", re.IGNORECASE)


@register.filter
def explained(text: str) -> SafeString:
    """Return a text in which the first of each known word is a button that says what it means."""
    seen: set[str] = set()

    def button(found: re.Match[str]) -> str:
        term = TERMS[found[1].lower()]
        if term.word in seen:
            return found[0]
        seen.add(term.word)
        *word, ends = found.groups(default="")
        html = '<button type="button" class="term" popovertarget="{}">{}</button>'
        opener = format_html(html, term.anchor, "".join(word))
        return format_html('<span class="one-word">{}{}</span>', opener, ends) if ends else opener

    return mark_safe(_WORD.sub(button, escape(text)))


@register.simple_tag
def terms() -> list[Term]:
    """Return all of them, for the end of a page."""
    return list(TERMS.values())
