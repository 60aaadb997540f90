"""Many values looked up at once."""

from typing import Any

import pytest

from cachedemo import cache_for
from cachedemo.servers import roles
from tests.helpers import past_cachedemo, this_thread
from users.models import User

EMAILS = ["alice@example.com", "bob@example.com", "carol@example.com"]


@pytest.fixture
def users(people: Any) -> Any:
    users = cache_for(User)
    users.announce()
    return users


def found(users: Any, values: Any) -> dict[str, int]:
    return {value: user.pk for value, user in users.get_many_by("email", values).items()}


def test_values_that_no_row_has_are_absent_and_one_asked_for_twice_is_there_once(users: Any) -> None:
    for _ in range(2):
        assert found(users, [*EMAILS, EMAILS[0], "nobody@example.com"]) == dict(zip(EMAILS, (1, 2, 3), strict=True))
    assert found(users, []) == {}


def test_hits_take_two_trips_however_many_they_are(users: Any, monkeypatch: Any) -> None:
    found(users, EMAILS)
    taken: list[str] = []
    mine, run = this_thread(), roles.Role._run
    monkeypatch.setattr(
        roles.Role, "_run", lambda role, *a, **o: (mine() and taken.append(role.name)) or run(role, *a, **o)
    )
    assert found(users, iter(EMAILS)) == dict(zip(EMAILS, (1, 2, 3), strict=True))
    assert taken == ["cache", "cache"]


def test_wrong_hints_are_put_right(users: Any, redis_cache: Any) -> None:
    found(users, EMAILS)
    users.update(1, email="gone@example.com")
    users.update(2, email=EMAILS[0])
    redis_cache.set(f"v2:user/email:{EMAILS[2]}", "K1", px=60_000)
    for _ in range(2):
        assert found(users, EMAILS) == {EMAILS[0]: 2, EMAILS[2]: 3}
    assert redis_cache.get(f"v2:user/email:{EMAILS[2]}") == b"K3"
    assert not redis_cache.exists(f"v2:user/email:{EMAILS[1]}")


def test_a_slot_that_is_behind_the_database_does_not_hide_the_row(users: Any) -> None:
    users.warm([1, 2, 3])
    past_cachedemo(User).filter(pk=1).update(email="taken@example.com")
    assert found(users, ["taken@example.com"]) == {"taken@example.com": 1}


def test_any_number_of_values_is_taken_and_kept_nowhere(users: Any) -> None:
    past_cachedemo(User).bulk_create([User(pk=pk, name="N", email=f"{pk}@example.com") for pk in range(10, 2510)])
    wanted = {f"{pk}@example.com": pk for pk in range(10, 2510)}
    for _ in range(2):
        assert found(users, wanted) == wanted
