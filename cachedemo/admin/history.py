"""The history: who did what, filtered."""

from django.core.paginator import Paginator
from django.http import HttpRequest

from cachedemo.admin.page import Page
from cachedemo.operations import history
from cachedemo.operations.action_permissions import ACTIONS

PER_PAGE = 50


def page(request: HttpRequest) -> Page:
    chosen = {name: request.GET.get(name, "") for name in ("action", "who", "outcome")}
    found = history.entries()
    who = sorted(set(found.order_by().values_list("user__username", flat=True)))
    for name, column, known in (("action", "object_id", ACTIONS), ("who", "user__username", who)):
        if chosen[name]:
            found = found.filter(**{column: chosen[name]}) if chosen[name] in known else found.none()
    if chosen["outcome"] in history.OUTCOMES:
        found = found.filter(change_message__contains=f'"outcome": "{chosen["outcome"]}"')
    part = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "part": part,
        "events": history.events(part.object_list),
        "chosen": chosen,
        "actions": ACTIONS.values(),
        "users": who,
        "outcomes": history.OUTCOMES,
    }
    return Page("history", "History", context)
