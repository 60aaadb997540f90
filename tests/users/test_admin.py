"""The demo users in the admin: its forms see what waits, and say in words why a change was refused."""

import pytest

from cachedemo import Pattern
from cachedemo.protocol.database_write import DatabaseWrite
from users.admin.user_admin import WAYS
from users.models import User

LIST, CHANGE = "/admin/users/user/", "/admin/users/user/1/change/"
FORM = {"name": "Admin's", "email": "alice@example.com"}

pytestmark = pytest.mark.usefixtures("people")


def seen(client) -> dict[str, str]:
    """Open the form of user 1 and return it as the browser would send it, with another name."""
    return {**FORM, "seen": client.get(CHANGE).context["adminform"].form.initial["seen"]}


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_the_list_finds_by_name_and_email(admin_client):
    assert b"Bob Pereira" in admin_client.get(LIST, {"q": "pereira"}).content
    assert b"Bob Pereira" in admin_client.get(LIST, {"q": "bob@"}).content
    assert b"Bob Pereira" not in admin_client.get(LIST, {"q": "alice"}).content


def test_the_form_shows_what_waits_and_saves_over_it(admin_client, users):
    users.via("write-behind").update(1, name="Waiting")
    assert b"Waiting" in admin_client.get(CHANGE).content
    response = admin_client.post(CHANGE, seen(admin_client), follow=True)
    assert "was changed successfully" in said(response)
    assert users.get(1).name == User.objects.get(pk=1).name == "Admin's"
    users.drain(timeout=5)
    assert users.get(1).name == User.objects.get(pk=1).name == "Admin's"


def test_a_change_is_what_the_next_read_returns(admin_client, users):
    users.get(1)
    admin_client.post(CHANGE, seen(admin_client))
    assert users.get(1).name == "Admin's"
    admin_client.post("/admin/users/user/1/delete/", {"post": "yes"})
    with pytest.raises(User.DoesNotExist):
        users.get(1)


def test_a_write_between_load_and_save_is_kept_and_the_refusal_is_in_words(admin_client, users, monkeypatch):
    stamp, form = DatabaseWrite.stamp, seen(admin_client)

    def meanwhile(write, floor=0):
        monkeypatch.setattr(DatabaseWrite, "stamp", stamp)
        users.via("write-behind").update(1, name="Meanwhile")
        return stamp(write, floor)

    monkeypatch.setattr(DatabaseWrite, "stamp", meanwhile)
    response = admin_client.post(CHANGE, form, follow=True)
    assert response.redirect_chain == [(CHANGE, 302)]
    assert "Nothing was saved" in said(response)
    assert users.get(1).name == "Meanwhile"


def test_without_the_queue_a_change_is_refused_in_words(admin_client, users, broken_queue):
    users.get(1)
    form = seen(admin_client)
    with broken_queue():
        response = admin_client.post(CHANGE, form, follow=True)
        assert "The queue server does not answer." in said(response)
        response = admin_client.post("/admin/users/user/1/delete/", {"post": "yes"}, follow=True)
        assert "The queue server does not answer." in said(response)
        selected = {"action": "delete_selected", "_selected_action": "1", "post": "yes"}
        response = admin_client.post(LIST, selected, follow=True)
        assert "The queue server does not answer." in said(response)
    assert User.objects.get(pk=1).name == "Alice Singh"


def test_without_the_queue_a_form_that_cannot_be_loaded_leads_away_in_words(admin_client, broken_queue):
    with broken_queue():
        response = admin_client.get(CHANGE, follow=True)
        assert "The queue server does not answer." in said(response)


@pytest.mark.parametrize("pattern", Pattern)
def test_a_form_that_has_not_seen_a_newer_write_overwrites_nothing(admin_client, users, pattern):
    form = {**seen(admin_client), "pattern": pattern}
    users.via("write-behind").update(1, name="Newer")
    response = admin_client.post(CHANGE, form)
    assert b"Somebody else changed this user since you opened the form" in response.content
    assert users.get(1).name == "Newer"
    users.drain(timeout=5)
    assert User.objects.get(pk=1).name == "Newer"


def test_a_form_that_was_never_shown_is_refused(admin_client, users):
    assert b"Somebody else changed this user" in admin_client.post(CHANGE, FORM).content
    assert users.get(1).name == "Alice Singh"


@pytest.mark.parametrize("pattern", Pattern)
def test_it_saves_in_the_pattern_chosen_beside_save(admin_client, users, redis_cache, pattern):
    page = admin_client.get(CHANGE).content.decode()
    assert page.index('name="pattern"') > page.index('class="submit-row"')
    response = admin_client.post(CHANGE, {**seen(admin_client), "pattern": pattern}, follow=True)
    assert WAYS[pattern] in said(response)
    in_source = User.objects.get(pk=1).name == "Admin's"
    assert in_source == (pattern != "write-behind")
    in_cache = b"Admin's" in (redis_cache.get("v2:user:1") or b"")
    assert in_cache == (pattern != "cache-aside")
    assert users.get(1).name == "Admin's"


def test_a_unique_field_goes_write_through_and_the_message_says_so(admin_client, users):
    form = {**seen(admin_client), "name": "Alice Singh", "email": "new@example.com", "pattern": "write-behind"}
    assert "It went write-through: unique field" in said(admin_client.post(CHANGE, form, follow=True))
    assert User.objects.get(pk=1).email == "new@example.com"


def test_a_form_without_a_change_writes_nothing(admin_client, users):
    before = users.read(1).stamp
    form = {**seen(admin_client), "name": "Alice Singh"}
    assert "was changed successfully" in said(admin_client.post(CHANGE, form, follow=True))
    assert users.read(1).stamp == before


def test_the_list_shows_origin_and_what_is_pending(admin_client, users, redis_cache):
    users.warm([1, 2])
    users.via("write-behind").update(2, name="Waiting")
    users.via("write-behind").update(3, name="Cold")
    users.evict([3])
    listed = admin_client.get(LIST).context["cl"].result_list
    assert [(user.pk, user.name, user.origin, user.pending) for user in listed] == [
        (1, "Alice Singh", "cache", ""),
        (2, "Waiting", "cache", "name"),
        (3, "Cold", "pending", "name"),
    ]
    redis_cache.delete("v2:user:1")
    assert admin_client.get(LIST).context["cl"].result_list[0].origin == "source"


def test_the_list_asks_with_one_mget_and_one_pipeline(admin_client, users, assert_cache_trips):
    with assert_cache_trips(cache=1, queue=1):
        admin_client.get(LIST)


def test_the_list_is_shown_while_a_server_is_down(admin_client, users, broken_cache, broken_queue):
    with broken_cache(), broken_queue():
        user = admin_client.get(LIST).context["cl"].result_list[0]
    assert (user.origin, user.pending) == ("not known", "not known")
