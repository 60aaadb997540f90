"""A project that seeds `random` counts on its numbers."""

import os
import random
from typing import Any

from cachedemo.operations import cached_rows
from cachedemo.protocol import overtaken, slot_expiry
from cachedemo.protocol.chance import CHANCE
from tests.notes.models import Note


def test_nothing_takes_a_number_of_the_projects(notes: Any) -> None:
    random.seed(1)
    expected = random.getstate()
    note = Note.objects.get(pk=1)
    notes.get(1)
    note.save()
    notes.update(1, title="a1")
    notes.get_many([1, 2])
    list(cached_rows.drawn(notes, 5))
    overtaken.pause(0)
    assert random.getstate() == expected


def test_who_seeds_random_gives_no_two_processes_the_same_lifetimes() -> None:
    random.seed(1)
    one = [slot_expiry.value_lifetime(60) for _ in range(5)]
    random.seed(1)
    assert one != [slot_expiry.value_lifetime(60) for _ in range(5)]


def test_a_forked_process_has_numbers_of_its_own() -> None:
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, str(CHANCE.random()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != str(CHANCE.random())
