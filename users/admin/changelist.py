"""The admin's list of users, each row with where it is: one look into cache, queue and database for the page."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from cachedemo import Origin, cache_for
from cachedemo.operations.row_state import CACHE_PLACE, QUEUE_PLACE, Look, RowState, look_at
from users.models import User

NOT_KNOWN = "not known"


class UserList(ChangeList):
    """Shows the values that a read would return, where it would find them, and which fields still wait."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        users = list(self.result_list)
        look = look_at(cache_for(User), [user.pk for user in users]) if users else Look({}, {})
        for user in users:
            _describe(user, look.rows[user.pk], look.problems)
        self.result_list = users


def _describe(user: Any, state: RowState, problems: dict[str, Exception]) -> None:
    for name, value in state.newer.items():
        setattr(user, name, value)
    user.pending = NOT_KNOWN if QUEUE_PLACE in problems else ", ".join(sorted(state.newer))
    if CACHE_PLACE in problems:
        user.origin = NOT_KNOWN
    elif state.slot is not None and state.slot.entry is not None:
        user.origin = Origin.CACHE.value
    else:
        user.origin = Origin.PENDING.value if state.newer else Origin.SOURCE.value
