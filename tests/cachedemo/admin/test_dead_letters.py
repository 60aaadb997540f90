"""Dead letters on the page: shown field by field, retried and discarded only as they were shown."""

from typing import Any

import pytest
from django.test import Client

from cachedemo.admin import dead_letters as dead_letters_page
from cachedemo.protocol import database
from tests.operators import client_of, operator, press, text, token, url
from tests.scene import dead_letters
from users.models import User


def test_dead_letters_are_shown_field_by_field_and_the_button_says_how_many(client: Client) -> None:
    dead_letters()
    seen = text(client.get(url("queue")))
    assert "UNIQUE constraint failed" in seen
    assert "email bob@example.com alice@example.com" in seen
    assert "Retry all 2" in seen
    assert "Discard all 2" in seen


def test_one_letter_is_retried_and_the_other_stays(client: Client, users: Any) -> None:
    dead_letters()
    assert "Back in the list of flush:users: 1 row." in press(client, url("queue"), "retry-letters", pk="1")
    assert users.table.queue.dead().keys() == {"2"}


def test_all_letters_are_discarded_and_reads_return_the_row(client: Client, users: Any) -> None:
    dead_letters()
    assert "Given up: the refused writes of 2 rows of flush:users." in press(
        client, url("queue"), "discard-letters", which="all"
    )
    assert users.table.queue.dead() == {}
    assert users.get(1).email == "alice@example.com"


def test_without_the_right_to_inspect_keys_the_databases_words_are_hidden_too(people: list[User]) -> None:
    dead_letters()
    seen = text(client_of(operator("view_cache")).get(url("queue")))
    assert "IntegrityError" in seen
    assert "users_user.email" not in seen
    assert "alice@example.com" not in seen


def test_a_few_of_many_dead_letters_are_shown_and_only_those_are_looked_up(
    client: Client, users: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_letters()
    monkeypatch.setattr(dead_letters_page, "SHOWN", 1)
    looked_up: list[Any] = []
    select_many = database.select_many
    monkeypatch.setattr(
        database, "select_many", lambda table, pks, **how: looked_up.extend(pks) or select_many(table, pks, **how)
    )
    seen = text(client.get(url("queue")))
    assert looked_up == [1]
    assert "Retry these 1" in seen
    assert "1 more are not shown" in seen


def test_nothing_ticked_is_nothing_done(client: Client, users: Any) -> None:
    dead_letters()
    assert "No dead letter is ticked" in press(client, url("queue"), "discard-letters")
    assert "Nothing was done" in press(client, url("queue"), "discard-letters", pk="3")
    assert len(users.table.queue.dead()) == 2


def test_a_letter_that_has_changed_since_it_was_shown_is_left_alone(client: Client, users: Any) -> None:
    dead_letters()
    page = client.get(url("queue"))
    users.table.queue.retry(["1"])
    form = {"token": token(page, "discard-letters"), "which": "all"}
    assert "Nothing was done" in text(client.post(url("discard-letters"), form, follow=True))
    assert users.table.queue.dead().keys() == {"2"}


def test_a_letter_that_was_refused_anew_or_not_shown_is_left_alone(client: Client, users: Any) -> None:
    dead_letters()
    page = client.get(url("queue"))
    users.table.queue.retry(["1"])
    users.drain(timeout=5)  # refused again, for all that anybody knows because of something newer
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.drain(timeout=5)
    for pk in ("1", "3"):
        form = {"token": token(page, "discard-letters"), "pk": pk}
        assert "Nothing was done" in text(client.post(url("discard-letters"), form, follow=True))
    assert users.table.queue.dead().keys() == {"1", "2", "3"}
