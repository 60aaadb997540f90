"""The HTTP API: one resource, three ways to write it. Its documents are at /api/docs.

Writes are cachedemo's views (`view.py`); ninja documents them. Errors are raised, and become problem documents in one
place, `problems.problem_of`.
"""

import re
import time
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query
from pydantic import Field

from cachedemo import Entry, ModelCache, Pattern, cache_for
from cachedemo.views import many_response, read_response
from users import timing
from users.api import view
from users.api.openapi import READ, WRITTEN, Api, described
from users.api.problems import unprocessable
from users.api.schemas import MOST_IDS, SomeFields, Users, WholeUser
from users.api.schemas import User as UserDocument
from users.converters import LARGEST_ID
from users.models import User

IDS = r"^[0-9]{1,20}(,[0-9]{1,20})*$"
ONE_USER = "/{pattern:pattern}/users/{row_id:id}"
MANY_USERS = "/{pattern:pattern}/users"

Id = Annotated[int, Path(ge=0, le=LARGEST_ID, description="Of the user.")]
Ids = Annotated[
    str, Field(json_schema_extra={"pattern": IDS}), Query(description="With commas between.", examples=["1,99"])
]
Email = Annotated[str, Field(max_length=254), Query(description="Of one user.", examples=["alice@example.com"])]

api = Api()


def users() -> ModelCache:
    return cache_for(User)


@api.read(ONE_USER, **described(UserDocument, (200, 304), headers=READ), summary="Read one")
def read_user(request: HttpRequest, pattern: Pattern, id: Id) -> HttpResponse:
    """Read one user. Which pattern makes no difference to a read; it stands here so that one address serves all."""
    started = time.perf_counter()
    cache = users()
    entry = cache.read(id, with_ttl=True)
    took = time.perf_counter() - started
    return timing.add_read(request, read_response(request, cache, entry), entry, took)


@api.put(
    ONE_USER,
    **described(UserDocument, (200, 202), refusals=(409, 412), headers=WRITTEN, takes=WholeUser),
    summary="Write one whole",
)
def replace_user(request: HttpRequest, pattern: Pattern, id: Id) -> HttpResponseBase:
    """Write a user whole. 202 says that the queue holds the write and the database has yet to get it."""
    return view.one(request, pattern=pattern, pk=id)


@api.patch(
    ONE_USER,
    **described(UserDocument, (200, 202), refusals=(409, 412), headers=WRITTEN, takes=SomeFields),
    summary="Write some fields",
)
def change_user(request: HttpRequest, pattern: Pattern, id: Id) -> HttpResponseBase:
    """Write the named fields of a user, and only these, although others write the rest meanwhile.

    `{"visits": {"increment": 1}}` adds to what there is.
    """
    return view.one(request, pattern=pattern, pk=id)


@api.delete(ONE_USER, **described(None, (204,), refusals=(409, 412)), summary="Delete one")
def delete_user(request: HttpRequest, pattern: Pattern, id: Id) -> HttpResponseBase:
    """Delete a user at once, whatever the pattern, because a delete must be final."""
    return view.one(request, pattern=pattern, pk=id)


@api.api_operation(
    ["GET", "HEAD"],
    MANY_USERS,
    **described(Users, (200,), refusals=(422,), headers=["Cache-Status"]),
    summary="Read many",
)
def read_users(
    request: HttpRequest, pattern: Pattern, ids: Ids | None = None, email: Email | None = None
) -> HttpResponse:
    """Read up to 1,000 users by id, those that exist and the ids of those that do not; or the one with an email.

    Either takes a fixed number of round trips. An email is looked up in the cache too.
    """
    if ids is None and email is None:
        raise unprocessable({"ids": ["Name some, or an email."]})
    wanted = [] if ids is None else _numbers(ids)
    found = users().read_many(pk for pk in wanted if pk <= LARGEST_ID)
    entries = [found[pk] for pk in wanted if pk in found] + ([] if email is None else _with_email(email))
    return many_response("users", entries, [pk for pk in wanted if pk not in found])


def _with_email(email: str) -> list[Entry]:
    try:
        return [users().read_by(email=email)]
    except User.DoesNotExist:
        return []


def _numbers(ids: str) -> list[int]:
    if not re.fullmatch(IDS, ids):
        raise unprocessable({"ids": ["These must be whole numbers with commas between."]})
    numbers = [int(number) for number in ids.split(",")]
    if len(numbers) > MOST_IDS:
        raise unprocessable({"ids": [f"{len(numbers)} ids are too many: {MOST_IDS} at once."]})
    return list(dict.fromkeys(numbers))


@api.post(
    MANY_USERS,
    **described(UserDocument, (201,), refusals=(409,), headers=[*WRITTEN, "Location"], takes=WholeUser),
    summary="Create one",
)
def create_user(request: HttpRequest, pattern: Pattern) -> HttpResponseBase:
    """Create a user at once, whatever the pattern: the database hands out the id."""
    return view.new(request, pattern=pattern)
