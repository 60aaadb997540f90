"""What every page needs to know of the playground: its places in the navigation, if it is open at all."""

from typing import NamedTuple

from django import template
from django.conf import settings
from django.urls import reverse

PLACES = ("compare", "lab", "bench")

register = template.Library()


class Link(NamedTuple):
    name: str
    label: str
    url: str


@register.simple_tag
def playground_nav() -> list[Link]:
    """Return the playground's places; none where it is not routed."""
    if not settings.OPEN_ACCESS:
        return []
    return [Link(name, name.capitalize(), reverse(name)) for name in PLACES]
