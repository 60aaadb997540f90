"""A registered model over HTTP: read, written and deleted by a view of three lines, in the pattern that was picked."""

import decimal
import json
import logging

import pytest
from django.db import models
from django.test import RequestFactory
from django.utils import timezone
from django.views.generic import View

from cachedemo import Pattern, cache_for
from cachedemo.model_cache import ModelCache
from cachedemo.views import CachedCreateMixin, CachedRowMixin
from tests.cachedemo.made_models import made
from tests.notes.models import Note, Sample

pytestmark = [pytest.mark.urls("tests.cachedemo.views.urls"), pytest.mark.django_db(transaction=True)]

JSON = "application/json"
NOTE = {"title": "a", "body": "b", "size": 3}


@pytest.fixture
def note():
    return cache_for(Note).create(title="a", body="b", size=3)


def patch(client, address, said, **headers):
    return client.patch(address, said, content_type=JSON, headers=headers)


def test_a_row_is_read_with_its_tag_and_with_where_it_came_from(client, note):
    miss, hit = client.get(f"/notes/{note.pk}"), client.get(f"/notes/{note.pk}")
    assert miss.json() == hit.json() == {"id": note.pk, **NOTE}
    assert miss["Cache-Status"] == "cachedemo; fwd=miss; stored"
    assert hit["Cache-Status"].startswith("cachedemo; hit; ttl=")
    assert hit["ETag"] == cache_for(Note).etag(cache_for(Note).read(note.pk))
    assert client.get(f"/notes/{note.pk}", headers={"If-None-Match": hit["ETag"]}).status_code == 304
    assert client.head(f"/notes/{note.pk}")["ETag"] == hit["ETag"]


@pytest.mark.parametrize("pattern", list(Pattern))
def test_it_is_written_in_the_pattern_in_the_url(client, note, pattern):
    answer = patch(client, f"/{pattern}/notes/{note.pk}", {"title": "new"})
    assert (answer.status_code, answer["X-Write-Pattern"]) == (202 if pattern == "write-behind" else 200, pattern)
    read = client.get(f"/{pattern}/notes/{note.pk}")
    assert read.json() == answer.json() == {"id": note.pk, **NOTE, "title": "new"}
    assert read["ETag"] == answer["ETag"]


def test_the_header_picks_the_pattern_and_the_view_and_the_registration_do_where_there_is_none(client, note):
    asked = {"X-Write-Pattern": "write-behind"}
    assert patch(client, f"/notes/{note.pk}", {"title": "1"}, **asked)["X-Write-Pattern"] == "write-behind"
    assert patch(client, f"/through/{note.pk}", {"title": "2"}, **asked)["X-Write-Pattern"] == "write-behind"
    assert patch(client, f"/through/{note.pk}", {"title": "3"})["X-Write-Pattern"] == "write-through"
    assert patch(client, f"/notes/{note.pk}", {"title": "4"})["X-Write-Pattern"] == "cache-aside"
    url_first = patch(client, f"/write-through/notes/{note.pk}", {"title": "5"}, **asked)
    assert url_first["X-Write-Pattern"] == "write-through"


def test_the_setting_picks_it_where_the_registration_names_none(settings):
    class Plain(ModelCache):
        fields = ["title"]

    class Named(Plain):
        pattern = Pattern.CACHE_ASIDE

    settings.CACHEDEMO = settings.CACHEDEMO | {"PATTERN": "write-behind"}
    assert (Plain(Note).pattern, Named(Note).pattern) == (Pattern.WRITE_BEHIND, Pattern.CACHE_ASIDE)


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_patch_adds_to_numbers_and_writes_the_rest_in_one_step(client, note, pattern):
    address = f"/{pattern}/notes/{note.pk}"
    assert patch(client, address, {"size": {"increment": 4}, "title": "new"}).json()["size"] == 7
    assert patch(client, address, {"size": {"increment": -2}}).json() == {"id": note.pk, **NOTE, "title": "new"} | {
        "size": 5
    }
    cache_for(Note).drain(timeout=5)
    assert Note.objects.values_list("size", "title").get(pk=note.pk) == (5, "new")


@pytest.mark.parametrize("pattern", list(Pattern))
@pytest.mark.parametrize("added", ["0.25", 0.25])
def test_decimals_are_added_exactly(client, pattern, added):
    sample = cache_for(Sample).create(price=decimal.Decimal("0.10"), at=timezone.now())
    address = f"/{pattern}/samples/{sample.pk}"
    assert decimal.Decimal(patch(client, address, {"price": {"increment": added}}).json()["price"]) == decimal.Decimal(
        "0.35"
    )
    assert patch(client, address, {"price": {"increment": "0.00001"}}).status_code == 422
    assert patch(client, address, {"flags": {"increment": 1}}).json()["flags"] == {"increment": 1}  # JSON is a value


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_json_number_is_taken_digit_by_digit_and_a_fraction_for_no_whole_number(client, note, pattern):
    sample = cache_for(Sample).create(price=1, at=timezone.now())
    for price in (1.1, 0.1, 123456.7891, 2):
        answer = patch(client, f"/{pattern}/samples/{sample.pk}", {"price": price})
        assert decimal.Decimal(answer.json()["price"]) == decimal.Decimal(str(price)), answer.content
    for size in (1.5, True, False, 1e400):
        answer = patch(client, f"/{pattern}/notes/{note.pk}", {"size": size})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["size"])
    assert patch(client, f"/{pattern}/notes/{note.pk}", {"size": 4.0}).json()["size"] == 4


def of_key(model, key):
    """Return requests to views of this model: what creates, reads and changes rows."""
    new = type("New", (CachedCreateMixin, View), {"model": model}).as_view()
    row = type("Row", (CachedRowMixin, View), {"model": model}).as_view()
    requests = RequestFactory()
    return (
        lambda said: new(requests.post("/", said, content_type=JSON)),
        lambda: row(requests.get("/"), pk=key),
        lambda said: row(requests.patch("/", said, content_type=JSON), pk=key),
    )


@pytest.mark.parametrize(
    ("key", "one", "text"),
    [
        (models.CharField(max_length=9, primary_key=True), "a/b", "a/b"),
        (models.DecimalField(max_digits=9, decimal_places=2, primary_key=True), 1.5, "1.50"),
        (models.IntegerField(primary_key=True), 7, 7),
        (models.OneToOneField(Note, models.CASCADE, primary_key=True), None, None),
    ],
)
def test_a_new_row_has_the_key_that_the_request_names_where_nobody_else_makes_one(note, key, one, text):
    with made({"code": key, "title": models.CharField(max_length=9)}) as cache:
        one, text = (note.pk, note.pk) if one is None else (one, text)
        create, read, change = of_key(cache.model, one)
        assert json.loads(create({"title": "a"}).content)["errors"].keys() == {"code"}
        made_row = create({"code": one, "title": "a"})
        assert made_row.status_code == 201, made_row.content
        assert json.loads(read().content) == {cache.model._meta.pk.attname: text, "title": "a"}
        assert create({"code": one, "title": "b"}).status_code == 409
        assert change({"code": one}).status_code == 422


@pytest.mark.parametrize("model", [Note, Sample])
def test_a_key_that_is_made_is_named_by_no_request(model):
    create, _, _ = of_key(model, None)
    answer = create({"id": 7})
    assert (answer.status_code, json.loads(answer.content)["errors"]) == (422, {"id": ["There is no such field."]})


INCREMENTS = {
    "both": {"size": {"increment": 1, "value": 2}},
    "twice": '{"size": 3, "size": {"increment": 1}}',
    "no number": {"size": {"increment": "many"}},
    "a truth": {"size": {"increment": True}},
    "a fraction": {"size": {"increment": 0.5}},
    "nothing": {"size": {}},
    "a list": {"size": [1]},
    "a text": {"title": {"increment": 1}},
    "too much": {"size": {"increment": 10**30}},
    "unknown": {"weight": {"increment": 1}},
    "not cached": {"secret": {"increment": 1}},
}


@pytest.mark.parametrize("pattern", list(Pattern))
@pytest.mark.parametrize("case", INCREMENTS)
def test_an_increment_that_cannot_be_is_422_and_names_the_field(client, note, pattern, case):
    said = INCREMENTS[case]
    answer = patch(client, f"/{pattern}/notes/{note.pk}", said)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json"), answer.content
    [name] = answer.json()["errors"]
    assert name in str(said)
    assert client.get(f"/notes/{note.pk}").json() == {"id": note.pk, **NOTE}


@pytest.mark.parametrize(("said", "words"), [("[1]", "a JSON object"), ("{}", "at least one field"), ("1", "object")])
def test_what_asks_for_nothing_is_422(client, note, said, words):
    answer = patch(client, f"/notes/{note.pk}", said)
    assert answer.status_code == 422
    assert words in answer.json()["errors"]["body"][0]


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_put_names_all_fields_and_adds_to_none(client, note, pattern):
    address = f"/{pattern}/notes/{note.pk}"
    whole = client.put(address, {"title": "x", "body": "", "size": 1}, content_type=JSON)
    assert whole.status_code == 422  # the body may not be blank
    assert client.put(address, {"title": "x", "body": "y"}, content_type=JSON).json()["errors"].keys() == {"size"}
    added = client.put(address, {**NOTE, "size": {"increment": 1}}, content_type=JSON)
    assert added.json()["errors"].keys() == {"size"}
    assert client.put(address, {**NOTE, "title": "x"}, content_type=JSON).json() == {
        "id": note.pk,
        **NOTE,
        "title": "x",
    }


@pytest.mark.parametrize("pattern", list(Pattern))
def test_of_two_holders_of_one_tag_one_wins(client, note, pattern):
    address = f"/{pattern}/notes/{note.pk}"
    etag = client.get(address)["ETag"]
    assert patch(client, address, {"size": {"increment": 1}}, **{"If-Match": etag}).status_code == 200
    assert patch(client, address, {"size": {"increment": 1}}, **{"If-Match": etag}).status_code == 412
    assert client.delete(address, headers={"If-Match": etag}).status_code == 412
    assert client.get(address).json()["size"] == 4


def test_a_row_is_created_found_at_its_location_and_deleted(client):
    made = client.post("/notes", NOTE, content_type=JSON)
    assert (made.status_code, made["X-Write-Pattern"]) == (201, "cache-aside")
    read = client.get(made["Location"])
    assert (read.json(), read["ETag"]) == (made.json(), made["ETag"])
    assert client.delete(made["Location"]).status_code == 204
    assert client.get(made["Location"]).status_code == 404
    counted = client.post("/notes", {**NOTE, "size": {"increment": 1}}, content_type=JSON)
    assert counted.json()["errors"].keys() == {"size"}


@pytest.mark.parametrize(
    ("address", "status"), [("/notes/x", 404), ("/notes/99", 404), ("/read-through/notes/1", 404), ("/notes", 405)]
)
def test_what_is_nowhere_is_said_to_be(client, address, status):
    assert client.get(address).status_code == status


def test_a_header_that_names_no_pattern_is_400(client, note):
    answer = patch(client, f"/notes/{note.pk}", {"title": "x"}, **{"X-Write-Pattern": "read-through"})
    assert answer.status_code == 400
    assert "cache-aside, write-through, write-behind" in answer.json()["detail"]


def test_what_the_database_refuses_is_409_and_what_is_down_is_503(client, note, broken_queue):
    assert patch(client, f"/notes/{note.pk}", {"size": {"increment": -9}}).status_code == 409  # a constraint
    with broken_queue():
        answer = patch(client, f"/notes/{note.pk}", {"title": "x"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


def test_what_nobody_expected_is_a_500_without_details_and_in_the_log(client, note, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"/broken/{note.pk}")
    assert answer.status_code == 500
    assert b"secret" not in answer.content
    assert "the secret reason" in caplog.text


def test_views_are_exempt_from_atomic_requests(client, note, settings):
    from django.db import connection

    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert patch(client, f"/write-through/notes/{note.pk}", {"title": "new"}).status_code == 200
        assert client.get(f"/notes/{note.pk}")["X-Cache"] == "HIT"
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
