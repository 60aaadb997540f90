"""The demo users in the admin: its forms see what waits, and say in words why a change was refused."""

import pytest

from cachedemo import cache_for
from cachedemo.patterns.source_write import SourceWrite
from users.models import User

LIST, CHANGE = "/admin/users/user/", "/admin/users/user/1/change/"
FORM = {"name": "Admin's", "email": "alice@example.com"}

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def users():
    return cache_for(User)


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_the_list_finds_by_name_and_email(admin_client):
    assert b"Bob Pereira" in admin_client.get(LIST, {"q": "pereira"}).content
    assert b"Bob Pereira" in admin_client.get(LIST, {"q": "bob@"}).content
    assert b"Bob Pereira" not in admin_client.get(LIST, {"q": "alice"}).content


def test_the_form_shows_what_waits_and_saves_over_it(admin_client, users):
    users.via("write-behind").update(1, name="Waiting")
    assert b"Waiting" in admin_client.get(CHANGE).content
    response = admin_client.post(CHANGE, FORM, follow=True)
    assert "was changed successfully" in said(response)
    assert users.get(1).name == User.objects.get(pk=1).name == "Admin's"
    users.drain(timeout=5)
    assert users.get(1).name == User.objects.get(pk=1).name == "Admin's"


def test_a_change_is_what_the_next_read_returns(admin_client, users):
    users.get(1)
    admin_client.post(CHANGE, FORM)
    assert users.get(1).name == "Admin's"
    admin_client.post("/admin/users/user/1/delete/", {"post": "yes"})
    with pytest.raises(User.DoesNotExist):
        users.get(1)


def test_a_write_between_load_and_save_is_kept_and_the_refusal_is_in_words(admin_client, users, monkeypatch):
    mark = SourceWrite.mark

    def meanwhile(write):
        monkeypatch.setattr(SourceWrite, "mark", mark)
        users.via("write-behind").update(1, name="Meanwhile")
        mark(write)

    monkeypatch.setattr(SourceWrite, "mark", meanwhile)
    response = admin_client.post(CHANGE, FORM, follow=True)
    assert response.redirect_chain == [(CHANGE, 302)]
    assert "Nothing was saved" in said(response)
    assert users.get(1).name == "Meanwhile"


def test_without_the_queue_a_change_is_refused_in_words(admin_client, users, queue_server):
    users.get(1)
    queue_server.kill()
    response = admin_client.post(CHANGE, FORM, follow=True)
    assert "The queue server does not answer." in said(response)
    response = admin_client.post("/admin/users/user/1/delete/", {"post": "yes"}, follow=True)
    assert "The queue server does not answer." in said(response)
    selected = {"action": "delete_selected", "_selected_action": "1", "post": "yes"}
    response = admin_client.post(LIST, selected, follow=True)
    assert "The queue server does not answer." in said(response)
    queue_server.start()
    assert User.objects.get(pk=1).name == "Alice Singh"


def test_without_the_queue_a_form_that_cannot_be_loaded_leads_away_in_words(admin_client, queue_server):
    queue_server.kill()
    response = admin_client.get(CHANGE, follow=True)
    assert "The queue server does not answer." in said(response)
