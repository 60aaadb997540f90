"""The HTTP API: what is read and written, with which headers, and what bad input leaves behind, which is nothing."""

import io
import json
import logging
import os
import signal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.wsgi import get_wsgi_application
from django.test import Client

from cachedemo import Pattern
from users.models import User

PATTERNS = list(Pattern)
JSON = "application/json"
PROBLEM = "application/problem+json"

pytestmark = pytest.mark.usefixtures("people", "open_access")


@pytest.fixture
def state(redis_cache, redis_queue):
    """Everything that a write could change: rows, values in the cache, and what the queue holds, but for the clock."""

    def look() -> tuple[Any, ...]:
        slots = {key: redis_cache.get(key) for key in redis_cache.scan_iter()}
        slots = {
            key: slot for key, slot in slots.items() if not slot.startswith(b"N")
        }  # that 99 is nobody is no change
        clock = (b"{flush:users}:clock", b"{flush:users}:versions")
        queue = {key: redis_queue.dump(key) for key in redis_queue.scan_iter("*flush:users*") if key not in clock}
        return list(User.objects.values_list()), slots, queue

    return look


def one(pattern: str = "cache-aside", pk: Any = 1) -> str:
    return f"/api/{pattern}/users/{pk}"


def many(pattern: str = "cache-aside") -> str:
    return f"/api/{pattern}/users"


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    document = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


# Reading


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_first_read_is_a_stored_miss_and_the_second_a_hit_that_says_how_long(client, pattern):
    miss = client.get(one(pattern))
    assert miss.json() == {"id": 1, "name": "Alice Singh", "email": "alice@example.com"}
    assert miss["Cache-Status"] == "cachedemo; fwd=miss; stored"
    assert miss["X-Cache"] == "MISS"
    hit = client.get(one(pattern))
    assert hit.content == miss.content
    assert hit["X-Cache"] == "HIT"
    status, _, ttl = hit["Cache-Status"].rpartition("=")
    assert status == "cachedemo; hit; ttl"
    assert 53 <= int(ttl) <= 66
    assert hit["ETag"] == miss["ETag"]
    assert hit["Cache-Control"] == "private, no-cache"


def test_a_hit_is_the_bytes_of_the_slot_unparsed(client, redis_cache):
    client.get(one())
    odd = b'{"id": 1,   "name": "Alice", "email": "alice@example.com"}'
    redis_cache.set("v2:user:1", b"V0000000000000000" + odd, ex=60)
    assert client.get(one()).content == odd


def test_a_value_that_waits_in_the_queue_says_so(client, users, redis_cache):
    users.via("write-behind").update(1, name="Al")
    redis_cache.flushdb()
    response = client.get(one())
    assert response.json()["name"] == "Al"
    assert response["Cache-Status"] == "cachedemo; fwd=miss; stored; detail=pending"


def test_without_the_cache_the_database_answers_and_says_bypass(client, cache_server):
    client.get(one())
    cache_server.kill()
    response = client.get(one())
    assert response.json()["name"] == "Alice Singh"
    assert response["X-Cache"] == "BYPASS"
    assert response["Cache-Status"] == "cachedemo; fwd=miss"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"other", W/{}', "*"])
def test_what_the_client_has_already_is_not_sent_again(client, form):
    etag = client.get(one())["ETag"]
    response = client.get(one(), headers={"If-None-Match": form.format(etag)})
    assert response.status_code == 304
    assert response.content == b""
    assert response["ETag"] == etag
    assert response["Cache-Control"] == "private, no-cache"


def test_what_the_client_has_not_is_sent(client):
    etag = client.get(one())["ETag"]
    client.patch(one(), {"name": "Al"}, content_type=JSON)
    response = client.get(one(), headers={"If-None-Match": etag})
    assert response.status_code == 200
    assert response.json()["name"] == "Al"


def test_head_has_the_headers_of_get_and_no_body(client):
    etag = client.get(one())["ETag"]
    response = client.head(one())
    assert (response.status_code, response["ETag"], response.content) == (200, etag, b"")


def test_timings_are_for_development_only(client, settings):
    assert "Server-Timing" not in client.get(one())
    settings.DEBUG = True
    assert client.get(one())["Server-Timing"].startswith('read;desc="cache";dur=')


def test_many_are_read_at_once_in_the_order_asked_for(client):
    first = client.get(many(), {"ids": "3,99,1,3"})
    assert first.json() == {
        "users": [
            {"id": 3, "name": "Carol Lee", "email": "carol@example.com"},
            {"id": 1, "name": "Alice Singh", "email": "alice@example.com"},
        ],
        "missing": [99],
    }
    assert first["Cache-Status"] == 'cachedemo; fwd=partial; detail="0 of 2 from the cache"'
    assert client.get(many(), {"ids": "1,3"})["Cache-Status"] == "cachedemo; hit"


def test_a_thousand_ids_are_fine_and_an_impossible_one_is_missing(client):
    ids = [1, 2, 3, 10**19, *range(1000, 1996)]
    response = client.get(many(), {"ids": ",".join(map(str, ids))})
    assert [user["id"] for user in response.json()["users"]] == [1, 2, 3]
    assert response.json()["missing"] == ids[3:]


# Writing


@pytest.mark.parametrize(("pattern", "status"), [("cache-aside", 200), ("write-through", 200), ("write-behind", 202)])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_update_returns_the_row_with_the_etag_that_the_next_read_has(client, pattern, status, method):
    fields = {"name": "Al"} | ({"email": "alice@example.com"} if method == "put" else {})
    response = getattr(client, method)(one(pattern), fields, content_type=JSON)
    assert response.status_code == status
    assert response.json() == {"id": 1, "name": "Al", "email": "alice@example.com"}
    assert response["X-Write-Pattern"] == pattern
    read = client.get(one(pattern))
    assert read.json() == response.json()
    assert read["ETag"] == response["ETag"]


def test_write_behind_leaves_the_database_to_the_flush(client, users):
    client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON)
    assert User.objects.get(pk=1).name == "Alice Singh"
    users.drain(timeout=5)
    assert User.objects.get(pk=1).name == "Al"


def test_write_behind_of_a_unique_field_goes_write_through_and_says_so(client):
    response = client.patch(one("write-behind"), {"email": "al@example.com"}, content_type=JSON)
    assert response.status_code == 200
    assert response["X-Write-Pattern"] == 'write-through; reason="unique field"'
    assert User.objects.get(pk=1).email == "al@example.com"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_user_is_created_found_at_its_location_and_deleted(client, pattern):
    made = client.post(many(pattern), {"name": "Dan", "email": "dan@example.com"}, content_type=JSON)
    assert made.status_code == 201
    assert made["Location"] == one(pattern, made.json()["id"])
    read = client.get(made["Location"])
    assert (read.json(), read["ETag"]) == (made.json(), made["ETag"])
    gone = client.delete(made["Location"])
    assert (gone.status_code, gone.content) == (204, b"")
    problem(client.get(made["Location"]), 404)
    assert not User.objects.filter(email="dan@example.com").exists()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("form", ["{}", '"other", {}', "*"])
def test_a_write_whose_if_match_holds_is_done(client, pattern, form):
    etag = client.get(one(pattern))["ETag"]
    response = client.patch(one(pattern), {"name": "Al"}, content_type=JSON, headers={"If-Match": form.format(etag)})
    assert response.status_code in (200, 202)
    assert client.get(one()).json()["name"] == "Al"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_of_two_holders_of_one_etag_one_wins(client, pattern):
    etag = client.get(one(pattern))["ETag"]
    first = client.patch(one(pattern), {"name": "A"}, content_type=JSON, headers={"If-Match": etag})
    assert first.status_code == 200  # decided in the source, so write-behind goes write-through
    problem(client.patch(one(pattern), {"name": "B"}, content_type=JSON, headers={"If-Match": etag}), 412)
    problem(client.delete(one(pattern), headers={"If-Match": etag}), 412)
    assert client.get(one(pattern)).json()["name"] == "A"
    assert client.delete(one(pattern), headers={"If-Match": first["ETag"]}).status_code == 204


# Bad input: each entry is method, address, body, headers, status, and fields that the answer must name.

OK = {"name": "Al", "email": "al@example.com"}
DEEP = "[" * 30_000
HUGE = json.dumps(OK | {"name": "x" * 70_000})
TAKEN = {"name": "Al", "email": "bob@example.com"}

UNREADABLE = [
    (method, address, body, {}, 400, [])
    for method, address in [("POST", many), ("PUT", one), ("PATCH", one)]
    for body in ["", "{", "name=Al", b"\xff\xfe", DEEP, '{"name": ' + DEEP + "]" * 30_000 + "}", "1" * 5000]
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


def test_a_charset_in_the_content_type_is_fine(client):
    response = client.patch(one(), '{"name": "Zoë"}', content_type="application/json; charset=utf-8")
    assert response.json()["name"] == "Zoë"


def test_a_length_that_is_no_number_is_400(client):
    problem(client.generic("PATCH", one(), '{"name": "Al"}', JSON, CONTENT_LENGTH="many"), 400)


def test_the_api_works_under_asgi_too(async_client, users):
    async def patch(body: str):
        return await async_client.generic("PATCH", one(), body, JSON)

    assert async_to_sync(patch)('{"name": "Al"}').status_code == 200
    assert users.get(1).name == "Al"
    problem(async_to_sync(patch)(HUGE), 413)
    problem(async_to_sync(patch)("{"), 400)


class Stream(io.BytesIO):
    """A body that must not be read without a bound."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size < 100_000
        return super().read(size)


def test_a_chunked_body_is_read_and_bounded_although_it_has_no_length(users):
    def patch(body: bytes) -> str:
        environ = {
            "REQUEST_METHOD": "PATCH",
            "PATH_INFO": one(),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": JSON,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": Stream(body),
            "wsgi.input_terminated": True,
            "wsgi.url_scheme": "http",
        }
        statuses: list[str] = []
        response = get_wsgi_application()(environ, lambda status, headers: statuses.append(status[:3]))
        response.close()
        return statuses[0]

    assert patch(HUGE.encode()) == "413"
    assert users.get(1).name == "Alice Singh"
    assert patch(b'{"name": "Al"}') == "200"
    assert users.get(1).name == "Al"


# When something is down


def ways_to_write(client: Client, pattern: str) -> dict[str, Any]:
    return {
        "PATCH": client.patch(one(pattern), {"name": "Al"}, content_type=JSON),
        "PUT": client.put(one(pattern), OK, content_type=JSON),
        "POST": client.post(many(pattern), OK, content_type=JSON),
        "DELETE": client.delete(one(pattern)),
    }


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_the_queue_hits_are_served_and_everything_else_is_503(client, users, queue_server, pattern):
    users.get(1)
    queue_server.kill()
    assert client.get(one(pattern)).status_code == 200
    uncached = client.get(one(pattern, 2))
    assert "queue server" in problem(uncached, 503)["detail"]
    assert uncached["Retry-After"] == "1"
    problem(client.get(many(pattern), {"ids": "1,2"}), 503)
    for response in ways_to_write(client, pattern).values():
        problem(response, 503)
        assert response["Retry-After"] == "1"
        assert b"127.0.0.1" not in response.content
    queue_server.start()
    assert list(User.objects.values_list("name", flat=True)) == ["Alice Singh", "Bob Pereira", "Carol Lee"]
    assert client.get(one(pattern)).json()["name"] == "Alice Singh"


def test_a_queue_that_hangs_is_503_within_seconds(client, queue_server):
    os.kill(queue_server.pid, signal.SIGSTOP)
    problem(client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON), 503)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_the_cache_writes_are_acknowledged_and_read_back(client, cache_server, pattern):
    cache_server.kill()
    response = client.patch(one(pattern), {"name": "Al"}, content_type=JSON)
    assert response.status_code in (200, 202)
    assert client.get(one(pattern)).json()["name"] == "Al"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_without_the_database_hits_are_served_and_writes_are_503(client, users, database_gone, redis_cache, pattern):
    redis_cache.set("v2:user:1", b'V0000000000000000{"id": 1, "name": "A", "email": "alice@example.com"}', ex=60)
    assert client.get(one(pattern)).status_code == 200
    assert "database" in problem(client.get(one(pattern, 2)), 503)["detail"]
    for response in ways_to_write(client, pattern).values():
        problem(response, 503)
        assert response["Retry-After"] == "1"
    assert client.get(one(pattern)).json()["name"] == "A"


def test_without_the_database_write_behind_is_acknowledged_for_what_is_cached(client, database_gone, redis_cache):
    redis_cache.set("v2:user:1", b'V0000000000000000{"id": 1, "name": "A", "email": "alice@example.com"}', ex=60)
    assert client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON).status_code == 202
    assert client.get(one()).json()["name"] == "Al"
    problem(client.patch(one("write-behind", 2), {"name": "Bo"}, content_type=JSON), 503)


def test_foreign_data_under_the_rows_key_is_left_alone_and_the_write_goes_through(client, redis_queue):
    redis_queue.set("{flush:users}:row:1", "somebody else's")
    response = client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON)
    assert (response.status_code, response["X-Write-Pattern"]) == (200, 'write-through; reason="foreign"')
    assert client.get(one()).json()["name"] == "Al"
    assert redis_queue.get("{flush:users}:row:1") == b"somebody else's"


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


# The documents


def test_every_operation_documents_every_status_with_its_schema(client):
    document = client.get("/api/openapi.json").json()
    operations = {
        (method, path): operation["responses"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    user, users = "/api/{pattern}/users/{id}", "/api/{pattern}/users"
    always, body = {"400", "401", "403", "404", "500", "503"}, {"413", "415", "422"}
    write = always | body | {"200", "202", "409", "412"}
    assert {key: set(responses) for key, responses in operations.items()} == {
        ("get", user): always | {"200", "304"},
        ("put", user): write,
        ("patch", user): write,
        ("delete", user): always | {"204", "409", "412"},
        ("get", users): always | {"200", "422"},
        ("post", users): always | body | {"201", "409"},
    }
    for responses in operations.values():
        for status, response in responses.items():
            media_types = set(response.get("content", {}))
            assert media_types == (set() if status in ("204", "304") else {PROBLEM} if status >= "400" else {JSON})


def test_the_documents_page_takes_nothing_from_elsewhere(client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert b"//cdn" not in page.content
    assert b"https://" not in page.content
    assert client.get("/api/")["Location"] == "/api/docs"
