"""The API's document and its page: every status has its schema, and nothing comes from elsewhere."""

import pytest

from tests.users.api.calls import JSON, PROBLEM

pytestmark = pytest.mark.usefixtures("people", "open_access")


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
