"""The playground's places in the navigation of every page, if it is open at all; settings name this."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from demo import visitor_actions

PLACES = ("compare", "lab", "bench")


def site_links(request: HttpRequest) -> dict[str, Any]:
    """Return the links that `users/base.html` puts before and beside its own."""
    if not settings.OPEN_ACCESS:
        return {"site_links": []}
    links = [{"name": name, "label": name.capitalize(), "url": reverse(name)} for name in PLACES]
    return {"lesson_link": reverse("lesson-start"), "site_links": links, "looked_after": visitor_actions.is_there()}
