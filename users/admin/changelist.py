"""The admin's list of users, each row with where it is: one MGET and one pipeline for the page."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from cachedemo import Origin, cache_for
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.protocol import stamps
from cachedemo.protocol.slots import held
from users.models import User

NOT_KNOWN = "not known"


class UserList(ChangeList):
    """Shows the values that a read would return, where it would find them, and which fields still wait."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        users = list(self.result_list)
        slots, waiting = _slots(users), _waiting(users)
        for user, slot, fields in zip(users, slots, waiting, strict=True):
            _describe(user, slot, fields)
        self.result_list = users


def _slots(users: list[Any]) -> list[Any]:
    try:
        return cache_for(User).table.slots.get_many([user.pk for user in users])
    except CacheUnavailable:
        return [NOT_KNOWN] * len(users)


def _waiting(users: list[Any]) -> list[Any]:
    cache = cache_for(User)
    try:
        return cache.table.queue.pending([user.pk for user in users], cache.table.slots.version)[0] if users else []
    except QueueUnavailable:
        return [None] * len(users)


def _describe(user: Any, slot: Any, fields: Any) -> None:
    reached = stamps.proper(user.cache_stamp)
    newer = {name: value for name, (stamp, value) in (fields or {}).items() if stamp > reached}
    for name, value in newer.items():
        setattr(user, name, value)
    user.pending = NOT_KNOWN if fields is None else ", ".join(sorted(newer))
    if slot == NOT_KNOWN:
        user.origin = NOT_KNOWN
    elif slot and held(slot):
        user.origin = Origin.CACHE.value
    else:
        user.origin = Origin.PENDING.value if newer else Origin.SOURCE.value
