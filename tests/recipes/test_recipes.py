"""The recipes in docs/http.md for Django REST framework and django-ninja, word by word, with the real packages."""

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from tests.documents import documents

JSON = "application/json"
RECIPES = {"tests/recipes/drf.py": "drf", "tests/recipes/with_ninja.py": "with_ninja"}

pytestmark = [pytest.mark.usefixtures("people")]


@pytest.mark.parametrize("path", RECIPES)
def test_the_document_has_the_recipe_as_it_is_tried_here(path):
    [document] = [each for each in documents() if each.name == "docs/http.md"]
    shown = {block.value: block.text for block in document.blocks() if block.what == "file"}
    assert shown[path].strip() == Path(path).read_text().strip()


@pytest.fixture(params=["drf", "with_ninja"])
def api(request, settings, client):
    settings.ROOT_URLCONF = f"tests.recipes.{request.param}"
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_recipe_serves_a_row_in_each_pattern(api, users, pattern):
    address = f"/{pattern}/users/1"
    read = api.get(address)
    assert read.json() == {"id": 1, "name": "Alice Singh", "email": "alice@example.com", "visits": 0}
    assert api.get(address)["Cache-Status"].startswith("cachedemo; hit")
    assert api.get(address, headers={"If-None-Match": read["ETag"]}).status_code == 304
    written = api.patch(address, {"name": "Al", "visits": {"increment": 2}}, content_type=JSON)
    assert written.status_code == (202 if pattern == "write-behind" else 200)
    assert written["X-Write-Pattern"] == pattern
    assert (written.json()["name"], written.json()["visits"]) == ("Al", 2)
    assert users.get(1).visits == 2
    assert api.patch(address, {"name": "B"}, content_type=JSON, headers={"If-Match": read["ETag"]}).status_code == 412
    assert api.get(f"/{pattern}/users/99").status_code == 404
    assert api.patch(address, {"email": "bob@example.com"}, content_type=JSON).status_code == 409


@pytest.fixture
def drf(settings, client):
    settings.ROOT_URLCONF = "tests.recipes.drf"
    return client


def test_the_serializer_has_its_say_and_drfs_permissions_too(drf, users):
    assert drf.get("/users/1").status_code == 200
    assert drf.patch("/users/1", {"name": "Al"}, content_type=JSON).status_code == 403
    drf.force_login(get_user_model().objects.create_superuser("root"))
    refused = drf.patch("/users/1", {"email": "nobody"}, content_type=JSON)
    assert (refused.status_code, refused.json()) == (400, {"email": ["Enter a valid email address."]})
    asked = {"X-Write-Pattern": "write-behind"}
    assert drf.patch("/users/1", {"name": "Al"}, content_type=JSON, headers=asked).status_code == 202
    assert users.get(1).name == "Al"
