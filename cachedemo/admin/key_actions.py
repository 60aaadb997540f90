"""What an operator can do to one key: delete it, set how long it lives, load it again from the database."""

import re
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from cachedemo.admin import action_requests
from cachedemo.admin.action_requests import Result
from cachedemo.admin.key import Place, kind_name, place_of
from cachedemo.exceptions import Refused
from cachedemo.protocol import slot_format, slot_kinds
from cachedemo.protocol.slot_expiry import LONGEST_BY_HAND
from cachedemo.servers.roles import CACHE


def _place(shown: dict[str, Any]) -> Place:
    place = place_of(shown["target"])
    if place is None:
        raise Refused(f"The key {shown['target']} is not ours: it is never touched.")
    return place


def _there(place: Place) -> str:
    return f"{reverse('admin:cachedemo_cache_key')}?{urlencode({'key': place.key})}"


@action_requests.action("delete-key", back="keys")
def delete(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the slot; what waits for the row stays."""
    place = _place(shown)
    gone = CACHE.command("UNLINK", place.key)
    words = f"The key {place.key} was deleted." if gone else f"The key {place.key} was gone already."
    return Result(words, {"keys": gone}, _there(place))


@action_requests.action("set-ttl", back="keys")
def set_ttl(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Let a value live for so long from now; a lease or a mark lives as long as its holder may take."""
    place, seconds = _place(shown), request.POST.get("seconds", "")
    if not re.fullmatch("[0-9]{1,5}", seconds) or not 1 <= int(seconds) <= LONGEST_BY_HAND:
        raise Refused(f"A TTL is a whole number of seconds, 1 to {LONGEST_BY_HAND}.")
    slot = CACHE.command("GET", place.key)
    if slot is None:
        raise Refused(f"The key {place.key} is gone.")
    kind = slot_kinds.kind_of(slot) if slot_format.is_well_formed(slot) else None
    if kind not in (slot_kinds.VALUE, slot_kinds.MISSING):
        raise Refused(f"The key {place.key} is a {kind_name(kind)} now: it expires by itself.")
    CACHE.command("PEXPIRE", place.key, int(seconds) * 1000)
    return Result(f"The key {place.key} lives {seconds} s from now.", {"seconds": int(seconds)}, _there(place))


@action_requests.action("refresh-key", back="keys")
def refresh(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Empty the slot and read the row, which fills it with what every read returns."""
    place = _place(shown)
    if not place.current:
        raise Refused(f"Version {place.version} is not the one that this process fills.")
    place.cache.table.slots.drop([place.pk], [])
    try:
        place.cache.read(place.pk, fresh=True)
    except ObjectDoesNotExist:
        return Result(f"The database has no row for {place.key}.", {}, _there(place))
    return Result(f"The key {place.key} was loaded from the database.", {"keys": 1}, _there(place))
