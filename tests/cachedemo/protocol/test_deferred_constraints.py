"""A waiting value that the database refuses at COMMIT only stops no write of another field, of its row or of others."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from cachedemo import cache_for
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.deferred_constraints import check_now
from tests.helpers import past_cachedemo
from tests.notes.models import Paper, Shelf
from tests.notes.refusal import trigger

pytestmark = pytest.mark.usefixtures("people")

NOBODY = 777  # foreign keys are checked at COMMIT, on each database


@pytest.fixture
def papers() -> ModelCache:
    past_cachedemo(Paper).bulk_create([Paper(pk=pk, title="old") for pk in (1, 2)])
    return cache_for(Paper)


def waits_dangling(papers: ModelCache) -> None:
    """As after the shelf was deleted that the write refers to, which the row itself does not."""
    papers.table.queue.enqueue(1, 0, 1000, {"nulled_id": NOBODY})


def is_a_dead_letter_of(papers: ModelCache, *names: str) -> bool:
    return papers.table.queue.dead()["1"]["stamps"].keys() == set(names)


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_write_goes_on(papers: ModelCache, pattern: Any) -> None:
    waits_dangling(papers)
    papers.via(pattern).update(1, title="written")
    assert papers.get(1).title == Paper.objects.get(pk=1).title == "written"
    assert is_a_dead_letter_of(papers, "nulled_id")


def test_a_save_goes_on(papers: ModelCache) -> None:
    waits_dangling(papers)
    paper = Paper.objects.get(pk=1)
    paper.title = "saved"
    paper.save()
    assert papers.get(1).title == Paper.objects.get(pk=1).title == "saved"
    assert is_a_dead_letter_of(papers, "nulled_id")


def test_an_update_of_many_rows_goes_on(papers: ModelCache) -> None:
    waits_dangling(papers)
    assert Paper.objects.update(title="bulk") == 2
    assert set(Paper.objects.values_list("title", flat=True)) == {"bulk"}
    assert is_a_dead_letter_of(papers, "nulled_id")


def test_a_flush_goes_on_and_blames_the_one_field(papers: ModelCache) -> None:
    papers.table.queue.enqueue(1, 0, 1000, {"nulled_id": NOBODY, "title": "waits"})
    papers.via("write-behind").update(2, title="neighbour")
    papers.drain(timeout=5)
    assert dict(Paper.objects.values_list("pk", "title")) == {1: "waits", 2: "neighbour"}
    assert is_a_dead_letter_of(papers, "nulled_id")


def test_what_somebody_elses_transaction_has_left_unfinished_is_not_blamed_on_what_waits(papers: ModelCache) -> None:
    papers.via("write-behind").update(1, title="waits")
    with transaction.atomic():
        past_cachedemo(Paper).filter(pk=2).update(nulled_id=NOBODY)
        Paper.objects.filter(pk=1).update(nulled=None)
        past_cachedemo(Paper).filter(pk=2).update(nulled_id=Shelf.objects.create(name="s").pk)
    assert Paper.objects.get(pk=1).title == "waits"
    assert papers.table.queue.dead() == {}


def test_a_row_that_dangles_already_is_not_blamed_on_another(papers: ModelCache) -> None:
    with transaction.atomic():
        past_cachedemo(Paper).filter(pk=2).update(nulled_id=NOBODY)
        if connection.vendor == "sqlite":
            check_now(papers.table, [1])
        with pytest.raises(IntegrityError):
            check_now(papers.table, [2])
        transaction.set_rollback(True)


@pytest.mark.skipif("not config.getoption('--postgresql')", reason="PostgreSQL only: pytest --postgresql")
@pytest.mark.parametrize("write", ["update", "save", "bulk"])
def test_a_deferred_trigger_is_asked_too(papers: ModelCache, write: str) -> None:
    with trigger("RAISE EXCEPTION 'no such title';", "NEW.title = 'refused'", timing="DEFERRED", table="notes_paper"):
        papers.via("write-behind").update(1, title="refused")
        shelf = Shelf.objects.create(name="s")
        if write == "update":
            papers.via("write-through").update(1, nulled=shelf.pk)
        elif write == "save":
            paper = Paper.objects.get(pk=1)
            paper.nulled = shelf
            paper.save()
        else:
            assert Paper.objects.update(nulled=shelf) == 2
        assert Paper.objects.get(pk=1).nulled_id == shelf.pk
        assert is_a_dead_letter_of(papers, "title")
