"""The two sides of every experiment, behind the same names: what the article does, and what cachedemo does."""

import json
from typing import Any, Protocol

from cachedemo import cache_for
from cachedemo.servers.roles import CACHE
from playground import naive
from users.models import User

Row = dict[str, Any]

# Last week's code called the field otherwise.
LAST_WEEK = {"full_name": "Somebody", "email": "somebody@example.com"}


class Side(Protocol):
    """What an experiment asks of either version."""

    name: str
    label: str

    def read(self, pk: int) -> Row: ...
    def cache_aside(self, pk: int, name: str) -> None: ...
    def wrong_order(self, pk: int, name: str) -> None: ...
    def write_through(self, pk: int, name: str) -> None: ...
    def write_behind(self, pk: int, name: str) -> None: ...
    def flush(self) -> int: ...
    def leave_last_weeks_entry(self, pk: int) -> None: ...
    def key(self, pk: int) -> str: ...


class Naive:
    """The article's way."""

    name = "naive"
    label = "The naive version"

    def read(self, pk: int) -> Row:
        return naive.get_user(pk) or {}

    def cache_aside(self, pk: int, name: str) -> None:
        naive.update_user(_row(pk, name))

    def wrong_order(self, pk: int, name: str) -> None:
        naive.update_user_invalidating_first(_row(pk, name))

    def write_through(self, pk: int, name: str) -> None:
        naive.put_user(_row(pk, name))

    def write_behind(self, pk: int, name: str) -> None:
        naive.put_user_behind(_row(pk, name))

    def flush(self) -> int:
        return naive.flush()

    def leave_last_weeks_entry(self, pk: int) -> None:
        CACHE.command("SET", naive.key(pk), json.dumps({"id": pk, **LAST_WEEK}), "EX", naive.TTL_SECONDS)

    def key(self, pk: int) -> str:
        return naive.key(pk)


class Ours:
    """The code that serves this site."""

    name = "ours"
    label = "cachedemo"

    def __init__(self) -> None:
        self.users = cache_for(User)

    def read(self, pk: int) -> Row:
        return json.loads(self.users.read(pk).body or b"{}")

    def cache_aside(self, pk: int, name: str) -> None:
        self.users.via("cache-aside").update(pk, name=name)

    def wrong_order(self, pk: int, name: str) -> None:
        self.cache_aside(pk, name)  # there is no other order to choose: the cache comes after the commit

    def write_through(self, pk: int, name: str) -> None:
        self.users.via("write-through").update(pk, name=name)

    def write_behind(self, pk: int, name: str) -> None:
        self.users.via("write-behind").update(pk, name=name)

    def flush(self) -> int:
        return self.users.flush()

    def leave_last_weeks_entry(self, pk: int) -> None:
        key = self.users.table.slots.key(pk, version=str(self.users.version - 1))
        CACHE.command("SET", key, f"V{0:016d}{json.dumps({'id': pk, **LAST_WEEK})}", "EX", int(self.users.timeout))

    def key(self, pk: int) -> str:
        return self.users.table.slots.key(pk)


def _row(pk: int, name: str) -> Row:
    return {"id": pk, "name": name, "email": f"user{pk}@example.com"}


def stored_name(pk: int) -> str:
    """Return what the database has."""
    return str(User.objects.values_list("name", flat=True).get(pk=pk))
