"""The operations of the HTTP API: what is read and written, and with which headers."""

import pytest

from tests.users.api.calls import JSON, PATTERNS, many, one, problem
from users.models import User

pytestmark = pytest.mark.usefixtures("people", "open_access")


# Reading


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_first_read_is_a_stored_miss_and_the_second_a_hit_that_says_how_long(client, pattern):
    miss = client.get(one(pattern))
    assert miss.json() == {"id": 1, "name": "Alice Singh", "email": "alice@example.com", "visits": 0}
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
    odd = b'{"id": 1,   "name": "Alice", "email": "alice@example.com", "visits": 0}'
    redis_cache.set("v2:user:1", b"V0000000000000000" + odd, ex=60)
    assert client.get(one()).content == odd


def test_a_value_that_waits_in_the_queue_says_so(client, users, redis_cache):
    users.via("write-behind").update(1, name="Al")
    redis_cache.flushdb()
    response = client.get(one())
    assert response.json()["name"] == "Al"
    assert response["Cache-Status"] == "cachedemo; fwd=miss; stored; detail=pending"


def test_without_the_cache_the_database_answers_and_says_bypass(client, broken_cache):
    client.get(one())
    with broken_cache():
        response = client.get(one())
        assert response.json()["name"] == "Alice Singh"
        assert response["X-Cache"] == "BYPASS"
        assert response["Cache-Status"] == "cachedemo; fwd=miss"


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
            {"id": 3, "name": "Carol Lee", "email": "carol@example.com", "visits": 0},
            {"id": 1, "name": "Alice Singh", "email": "alice@example.com", "visits": 0},
        ],
        "missing": [99],
    }
    assert first["Cache-Status"] == 'cachedemo; fwd=partial; detail="0 of 2 from the cache"'
    assert client.get(many(), {"ids": "1,3"})["Cache-Status"] == "cachedemo; hit"


def test_one_is_found_by_email_and_the_second_time_in_the_cache(client):
    for status in ("fwd=partial", "hit"):
        found = client.get(many(), {"email": "bob@example.com"})
        assert found.json() == {
            "users": [{"id": 2, "name": "Bob Pereira", "email": "bob@example.com", "visits": 0}],
            "missing": [],
        }
        assert status in found["Cache-Status"]
    for email in ("nobody@example.com", "BOB@example.com", "a\x00b", ""):
        assert client.get(many(), {"email": email}).json() == {"users": [], "missing": []}
    both = client.get(many(), {"ids": "1,99", "email": "bob@example.com"}).json()
    assert ([user["id"] for user in both["users"]], both["missing"]) == ([1, 2], [99])
    assert client.get(many()).status_code == client.get(many(), {"email": "x" * 255}).status_code == 422


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
    assert response.json() == {"id": 1, "name": "Al", "email": "alice@example.com", "visits": 0}
    assert response["X-Write-Pattern"] == pattern
    read = client.get(one(pattern))
    assert read.json() == response.json()
    assert read["ETag"] == response["ETag"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_patch_adds_to_the_visits_and_writes_the_rest(client, users, pattern):
    added = {"visits": {"increment": 2}, "name": "Al"}
    for visits in (2, 4):
        response = client.patch(one(pattern), added, content_type=JSON)
        assert (response.status_code in (200, 202), response["X-Write-Pattern"]) == (True, pattern)
        assert response.json() == {"id": 1, "name": "Al", "email": "alice@example.com", "visits": visits}
    assert (
        client.put(one(pattern), {"name": "Al", "email": "alice@example.com"}, content_type=JSON).json()["visits"] == 4
    )
    assert client.patch(one(pattern), {"visits": 9}, content_type=JSON).json()["visits"] == 9
    users.drain(timeout=5)
    assert User.objects.get(pk=1).visits == 9


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


def test_foreign_data_under_the_rows_key_is_left_alone_and_the_write_goes_through(client, redis_queue):
    redis_queue.set("{flush:users}:row:1", "somebody else's")
    response = client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON)
    assert (response.status_code, response["X-Write-Pattern"]) == (200, 'write-through; reason="foreign"')
    assert client.get(one()).json()["name"] == "Al"
    assert redis_queue.get("{flush:users}:row:1") == b"somebody else's"
