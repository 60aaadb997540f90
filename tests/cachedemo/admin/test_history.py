"""The history: every action of an operator is in it, and can be looked for."""

from typing import Any

from django.test import Client

from cachedemo.operations import history
from tests.operators import key_page, press, text, url


def test_every_action_is_in_the_history_and_can_be_looked_for(client: Client, users: Any) -> None:
    press(client, url("queue"), "pause")
    press(client, url("queue"), "flush-now", number=1)
    press(client, key_page("v2:user:1"), "set-ttl", seconds="x")
    seen = text(client.get(url("history")))
    assert "olga Paused the flush flush:users done" in seen
    assert "Set a TTL v2:user:1 refused" in seen
    found = client.get(url("history") + "?action=pause").context["events"]
    assert [event.code for event in found] == ["pause"]
    assert [event.code for event in client.get(url("history") + "?outcome=refused").context["events"]] == ["set-ttl"]
    assert client.get(url("history") + "?who=nobody").context["events"] == []


def test_one_of_something_is_said_as_one(client: Client, users: Any) -> None:
    user = int(client.session["_auth_user_id"])
    history.record(user, "flush-now", "flush:users", "done", 0.1, {"rows": 1, "keys": 2000}, "")
    assert "done 1 row 2,000 keys" in text(client.get(url("history")))
