"""Bad input is a problem in words, and leaves no trace; what nobody expected is a 500 without details."""

import json
import logging
from typing import Any

import pytest

from tests.users.api.calls import HUGE, JSON, OK, PATTERNS, many, one, problem
from users.models import User

pytestmark = pytest.mark.usefixtures("people", "open_access")


@pytest.fixture
def state(redis_cache, redis_queue):
    """Everything that a write could change: rows, values in the cache, and what the queue holds, but for the clock."""

    def look() -> tuple[Any, ...]:
        slots = {key: redis_cache.get(key) for key in redis_cache.scan_iter()}
        missing = b"N"  # a slot that says that 99 is nobody is no change, nor that it expires
        slots = {key: slot for key, slot in slots.items() if slot is not None and not slot.startswith(missing)}
        clock = (b"{flush:users}:clock", b"{flush:users}:versions")
        queue = {key: redis_queue.dump(key) for key in redis_queue.scan_iter("*flush:users*") if key not in clock}
        return list(User.objects.values_list()), slots, queue

    return look


def can_be_parsed(text: str) -> bool:
    """Whether this Python reads JSON as deep as that; from 3.14 on it does."""
    try:
        return bool(json.loads(text))
    except RecursionError:
        return False


DEEP = "[" * 30_000
NESTED = '{"name": ' + DEEP + "]" * 30_000 + "}"
TAKEN = {"name": "Al", "email": "bob@example.com"}

# Each entry is method, address, body, headers, status, and fields that the answer must name.

UNREADABLE = [
    (method, address, body, {}, 400, [])
    for method, address in [("POST", many), ("PUT", one), ("PATCH", one)]
    for body in ["", "{", "name=Al", b"\xff\xfe", DEEP, "1" * 5000]
] + [
    (method, address, NESTED, {}, *((422, ["name"]) if can_be_parsed(NESTED) else (400, [])))
    for method, address in [("POST", many), ("PUT", one), ("PATCH", one)]
]
NOWHERE = [
    ("GET", "/api/read-through/users/1", None, {}, 404, []),
    ("GET", "/api/read-through/users?ids=1", None, {}, 404, []),
    ("GET", "/api/cache-aside/users/1/", None, {}, 404, []),
    ("POST", "/api/nothing", OK, {}, 404, []),
    *[
        ("GET", lambda p, pk=pk: one(p, pk), None, {}, 404, [])
        for pk in ("x", "-1", "1.0", "99", "0", "9" * 19, "1" * 99)
    ],
    *[(method, lambda p: one(p, 99), OK, {}, 404, []) for method in ("PUT", "PATCH", "DELETE")],
    ("PATCH", lambda p: one(p, 99), OK, {"If-Match": '"2-1-1"'}, 404, []),
    ("DELETE", lambda p: one(p, 99), None, {"If-Match": '"a", "b"'}, 404, []),
]
NOT_ALLOWED = [("POST", one, OK, {}, 405, []), ("PUT", many, OK, {}, 405, []), ("TRACE", one, None, {}, 405, [])]
CONFLICTS = [
    ("POST", many, TAKEN, {}, 409, ["email"]),
    ("PUT", one, TAKEN, {}, 409, ["email"]),
    ("PATCH", one, {"email": "bob@example.com"}, {}, 409, ["email"]),
]
CONDITIONS = [
    (method, one, OK, headers, 412, [])
    for method in ("PUT", "PATCH", "DELETE")
    for headers in [
        {"If-Match": '"2-0000000000000000-00000000"'},
        {"If-Match": '"a", "b"'},
        {"If-Match": "no tag at all"},
        {"If-None-Match": "*"},
    ]
]
TOO_LARGE = [(method, address, HUGE, {}, 413, []) for method, address in [("POST", many), ("PUT", one), ("PATCH", one)]]
WRONG_TYPE = [
    (method, address, json.dumps(OK), {"Content-Type": type_}, 415, [])
    for method, address in [("POST", many), ("PUT", one), ("PATCH", one)]
    for type_ in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
]
WRONG_FIELDS = [
    ({"name": "Al"}, ["email"]),
    ({}, ["name", "email"]),
    ([OK], ["body"]),
    ("null", ["body"]),
    (OK | {"age": 3}, ["age"]),
    (OK | {"id": 1}, ["id"]),
    (OK | {"cache_stamp": 1}, ["cache_stamp"]),
    ('{"name": "A", "name": "B", "email": "al@example.com"}', ["name"]),
]
WRONG_VALUES = [
    ({"name": ""}, ["name"]),
    ({"name": "   "}, ["name"]),
    ({"name": "x" * 101}, ["name"]),
    ({"name": None}, ["name"]),
    ({"name": 5}, ["name"]),
    ({"name": ["Al"]}, ["name"]),
    ('{"name": NaN}', ["name"]),
    ('{"name": 1e999}', ["name"]),
    ({"name": "a\x00b"}, ["name"]),
    ('{"name": "a\\ud800b"}', ["name"]),
    ({"email": "nobody"}, ["email"]),
    ({"email": ""}, ["email"]),
    ({"email": "x" * 250 + "@example.com"}, ["email"]),
    ({"name": "", "email": "nobody"}, ["name", "email"]),
    ({"age": 3}, ["age"]),
    ({"visits": {"increment": 1, "update": 5}}, ["visits"]),
    ({"visits": {"increment": "1"}}, ["visits"]),
    ({"visits": {"increment": 1.5}}, ["visits"]),
    ({"visits": {"increment": True}}, ["visits"]),
    ({"visits": {"increment": -1}}, ["visits"]),
    ({"visits": {"increment": 2**31}}, ["visits"]),
    ({"visits": {}}, ["visits"]),
    ({"visits": -1}, ["visits"]),
    ({"name": {"increment": 1}}, ["name"]),
    ('{"visits": 3, "visits": {"increment": 1}}', ["visits"]),
    ({}, ["body"]),
]
WRONG = [
    *[
        (method, address, body, {}, 422, names)
        for body, names in WRONG_FIELDS
        for method, address in [("POST", many), ("PUT", one)]
    ],
    *[("PATCH", one, body, {}, 422, names) for body, names in WRONG_VALUES],
]
NO_IDS = ["", "?ids=", "?ids=1,", "?ids=a", "?ids=-1", "?ids=1%00", "?ids=1;2", "?ids=%EF%BC%91", "?ids=1 ,2"]
TOO_MANY_IDS = "?ids=" + ",".join(map(str, range(1001)))
WRONG_IDS = [
    ("GET", lambda p, query=query: many(p) + query, None, {}, 422, ["ids"]) for query in [*NO_IDS, TOO_MANY_IDS]
]
TOO_MANY_PARAMETERS = [("GET", lambda p: f"{many(p)}?" + "a&" * 1001, None, {}, 400, [])]
BAD = [*UNREADABLE, *NOWHERE, *NOT_ALLOWED, *CONFLICTS, *CONDITIONS, *TOO_LARGE, *WRONG_TYPE, *WRONG, *WRONG_IDS]
BAD += TOO_MANY_PARAMETERS


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_bad_input_is_a_problem_in_words_and_changes_no_value_no_row_and_no_waiting_write(
    client, users, state, settings, pattern, debug
):
    settings.DEBUG = debug
    users.get_many([1, 2, 3])
    users.via("write-behind").update(2, name="Bo")
    before = state()
    for method, address, body, headers, status, names in BAD:
        url = address if isinstance(address, str) else address(pattern)
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = dict(headers)
        content_type = headers.pop("Content-Type", JSON)
        response = client.generic(method, url, data, content_type, headers=headers, CONTENT_TYPE=content_type)
        case = f"{method} {url[:80]} {data[:80]!r} {headers} {content_type}"
        assert response.status_code == status, f"{case}: {response.status_code} {response.content[:300]!r}"
        document = problem(response, status)
        assert set(names) <= set(document.get("errors", {})), f"{case}: {document}"
        assert b"Traceback" not in response.content, case
        assert state() == before, case


def test_405_names_what_is_allowed(client):
    assert client.post(one())["Allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    assert client.put(many())["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("debug", [False, True])
def test_what_nobody_expected_is_a_500_without_details_and_in_the_log(
    client, users, monkeypatch, settings, caplog, debug
):
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the secret reason")

    settings.DEBUG = debug
    monkeypatch.setattr(users, "read", broken)
    with caplog.at_level(logging.ERROR):
        response = client.get(one())
    assert "secret" not in problem(response, 500)["detail"]
    assert "the secret reason" in caplog.text
