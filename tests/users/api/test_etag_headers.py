"""Conditions: If-None-Match spares a body, and of two holders of one ETag one wins."""

import pytest

from tests.users.api.calls import JSON, PATTERNS, one, problem

pytestmark = pytest.mark.usefixtures("people", "open_access")


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
    assert first.status_code == 200  # decided in the database, so write-behind goes write-through
    problem(client.patch(one(pattern), {"name": "B"}, content_type=JSON, headers={"If-Match": etag}), 412)
    problem(client.delete(one(pattern), headers={"If-Match": etag}), 412)
    assert client.get(one(pattern)).json()["name"] == "A"
    assert client.delete(one(pattern), headers={"If-Match": first["ETag"]}).status_code == 204
