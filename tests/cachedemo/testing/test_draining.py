"""`drain()` writes what waits of every registered model to the database, in this process."""

from typing import Any

import pytest

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.testing import broken_queue, drain
from tests.notes.models import Note
from users.models import User


def test_it_drains_every_model_and_counts_the_rows(people: Any, notes: Any) -> None:
    cache_for(User).via("write-behind").update(1, name="Al")
    for pk in (1, 2):
        notes.via("write-behind").update(pk, title="waits")
    assert drain() == 3
    assert User.objects.get(pk=1).name == "Al"
    assert set(Note.objects.values_list("title", flat=True)) == {"waits"}
    assert drain() == 0


def test_it_says_when_it_could_not(notes: Any) -> None:
    notes.via("write-behind").update(1, title="waits")
    with broken_queue(), pytest.raises(QueueUnavailable):
        drain()
    assert notes.table.queue.claim(10, 60, 3)[0], "another flush has them"
    with pytest.raises(TimeoutError, match="still waiting in flush:notes: 1 row"):
        drain(timeout=0.1)
