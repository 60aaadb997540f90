"""`save()`, `delete()`, the admin, cascades and `loaddata` leave cache and database agreeing; so does `evict`."""

import json

import pytest
from django.contrib.auth.models import User as Account
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.urls import reverse

from cachedemo import cache_for
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes():
    notes = cache_for(Note)
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0", owner_id=1), Note(pk=2, title="a", owner_id=2)])
    return notes


def test_a_saved_row_is_what_the_next_read_returns(users, redis_queue):
    users.get(1)
    user = User.objects.get(pk=1)
    user.name = "Al"
    user.save()
    assert users.get(1).name == "Al"
    assert users.read(1).stamp == user.cache_stamp == User.objects.get(pk=1).cache_stamp > 0
    assert redis_queue.zcard("{flush:users}:owed") == 0


def test_a_saved_row_keeps_its_stamp_growing_when_fields_are_named(users):
    users.get(1)
    user = User.objects.get(pk=1)
    user.name, user.email = "Al", "never@example.com"
    user.save(update_fields=["name"])
    assert users.get(1).name == "Al"
    assert users.get(1).email == "alice@example.com"
    assert User.objects.get(pk=1).cache_stamp == user.cache_stamp > 0


def test_a_new_row_is_read_although_it_was_known_to_be_missing(users):
    with pytest.raises(User.DoesNotExist):
        users.get(4)
    User(pk=4, name="Dan", email="dan@example.com").save()
    assert users.get(4).name == "Dan"


def test_an_instance_loaded_through_the_cache_is_saved_over_the_waiting_field_it_has_seen(users):
    users.via("write-behind").update(1, name="waiting")
    user = users.get(1)
    user.email = "al@example.com"
    user.save()
    assert users.get(1).email == "al@example.com"
    users.drain(timeout=5)
    row = User.objects.get(pk=1)
    assert (row.name, row.email) == ("waiting", "al@example.com")


def test_a_refused_save_leaves_slot_and_instance_as_they_were(users, redis_cache, redis_queue):
    users.get(1)
    slot = redis_cache.get("v2:user:1")
    user = User.objects.get(pk=1)
    user.email = "bob@example.com"
    with pytest.raises(IntegrityError):
        user.save()
    assert redis_cache.get("v2:user:1") == slot
    assert user.cache_stamp == 0
    assert redis_queue.zcard("{flush:users}:owed") == 0
    user.email = "al@example.com"
    user.save()
    assert users.get(1).email == "al@example.com"


def test_a_save_that_rolls_back_was_never_seen(users, redis_cache, redis_queue):
    users.get(1)
    with transaction.atomic():
        user = User.objects.get(pk=1)
        user.name = "Al"
        user.save()
        assert users.get(1).name == "Al"  # inside, the transaction sees its own write
        transaction.set_rollback(True)
    assert users.get(1).name == "Alice Singh"
    for owed in redis_queue.zrange("{flush:users}:owed", 0, -1):
        redis_queue.zadd("{flush:users}:owed", {owed: 0})  # its deadline passes
    users.flush()
    assert redis_cache.get("v2:user:1") is None
    assert users.get(1).name == User.objects.get(pk=1).name == "Alice Singh"


def test_a_save_in_a_transaction_shows_when_it_commits(users):
    users.get(1)
    with transaction.atomic():
        user = User.objects.get(pk=1)
        user.name = "Al"
        user.save()
    assert users.get(1).name == "Al"


def test_a_read_inside_a_transaction_does_not_fill(users, redis_cache):
    with transaction.atomic():
        assert users.get(1).name == "Alice Singh"
        assert set(users.get_many([1, 2])) == {1, 2}
    assert redis_cache.dbsize() == 0


def test_a_deleted_instance_is_gone_from_the_cache(users):
    users.get(1)
    User.objects.get(pk=1).delete()
    with pytest.raises(User.DoesNotExist):
        users.get(1)


def test_a_deleted_row_does_not_come_back(users):
    users.get(1)
    users.via("write-behind").update(1, name="waiting")
    User.objects.filter(pk=1).delete()
    users.drain(timeout=5)
    with pytest.raises(User.DoesNotExist):
        users.get(1)
    with pytest.raises(User.DoesNotExist):
        users.via("write-behind").update(1, name="again")
    assert not User.objects.filter(pk=1).exists()


@pytest.mark.parametrize("delete", [lambda: User.objects.filter(pk=1).delete(), lambda: cache_for(User).delete(1)])
def test_a_cascade_empties_the_slots_of_all_it_takes(users, notes, delete):
    users.get_many([1, 2])
    notes.get_many([1, 2])
    notes.via("write-behind").update(1, title="waiting")
    delete()
    assert set(users.get_many([1, 2])) == {2}
    assert set(notes.get_many([1, 2])) == {2}
    notes.drain(timeout=5)
    assert not Note.objects.filter(pk=1).exists()


def test_delete_selected_in_the_admin_empties_the_slots(users, client):
    client.force_login(Account.objects.create_superuser("root"))
    users.get_many([1, 2, 3])
    answer = client.post(
        reverse("admin:users_user_changelist"),
        {"action": "delete_selected", "_selected_action": [1, 2], "post": "yes"},
    )
    assert answer.status_code == 302
    assert set(users.get_many([1, 2, 3])) == {3}


def test_loaddata_replaces_what_was_cached(users, tmp_path):
    users.via("write-through").update(1, name="Al")
    users.get_many([1, 4])
    rows = [
        {"model": "users.user", "pk": pk, "fields": {"name": f"loaded {pk}", "email": f"{pk}@example.com"}}
        for pk in (1, 4)
    ]
    fixture = tmp_path / "people.json"
    fixture.write_text(json.dumps(rows))
    call_command("loaddata", str(fixture), verbosity=0)
    assert users.get(1).name == User.objects.get(pk=1).name == "loaded 1"
    assert users.get(4).name == User.objects.get(pk=4).name == "loaded 4"


def test_loaddata_over_a_waiting_field_is_the_newer_write(users, tmp_path):
    users.via("write-behind").update(1, name="waiting")
    fixture = tmp_path / "people.json"
    fixture.write_text(
        json.dumps([{"model": "users.user", "pk": 1, "fields": {"name": "x", "email": "x@example.com"}}])
    )
    call_command("loaddata", str(fixture), verbosity=0)
    users.drain(timeout=5)
    assert users.get(1).name == User.objects.get(pk=1).name == "x"


def test_evict_makes_a_bulk_update_visible(users):
    users.get_many([1, 2])
    past_cachedemo(User).filter(pk__in=[1, 2]).update(name="bulk")
    users.evict([1, 2])
    assert users.get(1).name == users.get(2).name == "bulk"


def test_evict_waits_for_the_commit(users):
    users.get(1)
    with transaction.atomic():
        past_cachedemo(User).filter(pk=1).update(name="bulk")
        users.evict([1])
        assert users.read(1).origin == "cache"
    assert users.get(1).name == "bulk"


def test_evict_keeps_a_waiting_write(users):
    users.via("write-behind").update(1, name="waiting")
    users.evict([1])
    assert users.get(1).name == "waiting"
    users.drain(timeout=5)
    assert User.objects.get(pk=1).name == "waiting"


def test_many_read_inside_a_transaction_see_its_own_write(users):
    users.get_many([1, 2])
    with transaction.atomic():
        user = User.objects.get(pk=1)
        user.name = "Al"
        user.save()
        assert users.get_many([1, 2])[1].name == "Al"


def lost_in(execute, sql, *arguments):
    if sql.startswith(("DELETE", "UPDATE")):
        raise OperationalError("connection lost")
    return execute(sql, *arguments)


@pytest.mark.parametrize("attempt", ["delete", "save"])
def test_an_instance_whose_write_failed_can_be_saved_and_is_seen(users, attempt):
    users.get(1)
    user = User.objects.get(pk=1)
    user.name = "Lost"
    with connection.execute_wrapper(lost_in), pytest.raises(OperationalError):
        getattr(user, attempt)()
    user.pk, user.name = 1, "Al"
    user.save()
    assert users.get(1).name == "Al"
    assert User.objects.get(pk=1).cache_stamp == user.cache_stamp
