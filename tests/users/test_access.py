"""Who may read and write: nobody without signing in, unless OPEN_ACCESS lets everybody."""

import json
import re

import pytest
from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Account
from django.db import connection
from django.test import Client

from cachedemo import cache_for
from users.models import User

JSON = "application/json"
ONE, MANY, PAGE = "/api/cache-aside/users/1", "/api/cache-aside/users", "/cache-aside/users/1/"
NEW = {"name": "Dan", "email": "dan@example.com"}

pytestmark = pytest.mark.usefixtures("people")

# What one does, and the permission that it needs.
CALLS = {
    "read one": (lambda client: client.get(ONE), "view"),
    "read many": (lambda client: client.get(MANY, {"ids": "1"}), "view"),
    "create": (lambda client: client.post(MANY, NEW, content_type=JSON), "add"),
    "write whole": (lambda client: client.put(ONE, NEW, content_type=JSON), "change"),
    "write some": (lambda client: client.patch(ONE, {"name": "Al"}, content_type=JSON), "change"),
    "delete": (lambda client: client.delete(ONE), "delete"),
}
PAGES = ["/users/", PAGE, PAGE + "delete/"]
# What sends a write from a page: a form, or one of htmx's attributes.
WRITES = re.compile(rb'method="?post|hx-(post|put|patch|delete)', re.IGNORECASE)


def rows():
    return list(User.objects.values_list())


@pytest.fixture
def signed_in():
    """`signed_in("view", "change")` is a client whose account has these permissions and no others."""

    def sign_in(*actions: str, is_staff: bool = False, **options: bool) -> Client:
        account = Account.objects.create_user("somebody", is_staff=is_staff)
        names = [f"{action}_user" for action in actions]
        account.user_permissions.set(Permission.objects.filter(content_type__app_label="users", codename__in=names))
        client = Client(**options)
        client.force_login(account)
        return client

    return sign_in


@pytest.mark.parametrize("what", CALLS)
def test_a_stranger_is_told_to_sign_in_and_nothing_happens(client, what):
    before = rows()
    response = CALLS[what][0](client)
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert "sessionid" in response["WWW-Authenticate"]
    assert rows() == before


@pytest.mark.parametrize("what", CALLS)
def test_an_account_without_the_permission_is_refused_and_nothing_happens(signed_in, what):
    call, needed = CALLS[what]
    client = signed_in(*{"view", "add", "change", "delete"} - {needed})
    before = rows()
    response = call(client)
    assert response.status_code == 403
    assert needed in response.json()["detail"]
    assert rows() == before


@pytest.mark.parametrize("what", CALLS)
def test_the_one_permission_is_enough(signed_in, what):
    call, needed = CALLS[what]
    assert call(signed_in(needed)).status_code in (200, 201, 204)


@pytest.mark.parametrize("what", CALLS)
def test_open_access_lets_a_stranger_do_everything(client, settings, what):
    settings.OPEN_ACCESS = True
    assert CALLS[what][0](client).status_code in (200, 201, 204)


@pytest.mark.parametrize("what", [what for what, (_, needed) in CALLS.items() if needed != "view"])
def test_a_write_of_a_session_needs_the_csrf_token(signed_in, what):
    client = signed_in("view", "add", "change", "delete", enforce_csrf_checks=True)
    before = rows()
    response = CALLS[what][0](client)
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]
    assert rows() == before


def test_with_its_csrf_token_a_session_writes(signed_in):
    client = signed_in("change", enforce_csrf_checks=True)
    client.get("/api/docs")  # hands out the cookie
    token = client.cookies["csrftoken"].value
    response = client.patch(ONE, {"name": "Al"}, content_type=JSON, headers={"X-CSRFToken": token})
    assert response.status_code == 200


@pytest.mark.parametrize("address", PAGES)
def test_a_stranger_who_opens_a_page_is_led_to_the_login_and_back(client, address):
    assert client.get(address)["Location"] == f"/admin/login/?next={address}"
    assert client.post(address)["Location"] == f"/admin/login/?next={address}"


@pytest.mark.parametrize("address", PAGES)
def test_an_account_without_the_permission_gets_a_page_in_words(signed_in, address):
    response = signed_in().get(address)
    assert response.status_code == 403
    assert b"This is not for your account." in response.content


def test_who_may_only_look_sees_no_forms_and_cannot_send_them(signed_in):
    client = signed_in("view")
    before = rows()
    for address in ("/users/", PAGE):
        page = client.get(address)
        assert page.status_code == 200
        assert not WRITES.search(page.content)
        assert b"Delete" not in page.content
        assert client.post(address, NEW | {"pattern": "cache-aside"}).status_code == 403
    assert client.post(PAGE + "delete/").status_code == 403
    assert rows() == before


def test_forms_need_the_csrf_token_even_under_open_access(settings):
    settings.OPEN_ACCESS = True
    client = Client(enforce_csrf_checks=True)
    before = rows()
    for address in PAGES:
        response = client.post(address, NEW | {"pattern": "cache-aside"})
        assert response.status_code == 403
        assert b"The form was not accepted." in response.content
    assert rows() == before


def test_under_open_access_a_warm_read_asks_the_database_nothing(client, settings, django_assert_num_queries):
    settings.OPEN_ACCESS = True
    cache_for(User).get(1)
    with django_assert_num_queries(0):
        assert client.get(ONE).status_code == 200


def test_timings_are_for_staff(client, settings, signed_in):
    settings.OPEN_ACCESS = True
    assert "Server-Timing" not in client.get(ONE)
    assert "Server-Timing" in signed_in(is_staff=True).get(ONE)


def test_the_documents_are_for_everybody_and_say_whether_to_sign_in(client, settings):
    closed = client.get("/api/openapi.json").json()
    assert closed["paths"]["/api/{pattern}/users/{id}"]["get"]["security"] == [{"SessionPermission": []}]
    settings.OPEN_ACCESS = True
    assert "security" not in json.dumps(client.get("/api/openapi.json").json())


def test_reads_fill_the_cache_under_atomic_requests_too(client, settings, monkeypatch, redis_cache):
    settings.OPEN_ACCESS = True
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert client.get(ONE)["X-Cache"] == "MISS"
    assert client.get(ONE)["X-Cache"] == "HIT"
    client.get("/cache-aside/users/2/")
    assert redis_cache.exists("v2:user:2")
