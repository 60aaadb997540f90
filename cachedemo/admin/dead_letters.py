"""Dead letters: what the database refused, beside the row, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests
from cachedemo.admin.action_requests import Button, Result
from cachedemo.admin.page import reported
from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import dead_letters
from cachedemo.operations.dead_letters import DeadLetter
from cachedemo.plurals import counted

SHOWN = 200


@dataclass
class Shelf:
    """The dead letters of one queue, and the forms for those that are shown."""

    cache: ModelCache
    letters: list[DeadLetter]
    more: int
    retry: Button
    discard: Button
    see_values: bool
    problems: list[str]


def shelves(request: HttpRequest, caches: Sequence[ModelCache]) -> list[Shelf]:
    return [_shelf(request, cache) for cache in caches]


def _shelf(request: HttpRequest, cache: ModelCache) -> Shelf:
    letters: list[DeadLetter] = []
    problems: list[str] = []
    more = 0
    with reported(problems):
        letters = dead_letters.letters(cache, limit=SHOWN)
        more = max(0, cache.table.queue.dead_count() - len(letters))
    return Shelf(cache, letters, more, *_buttons(request, str(cache.queue), letters), sees_values(request), problems)


def _buttons(request: HttpRequest, queue: str, letters: Sequence[DeadLetter]) -> tuple[Button, Button]:
    """Return the buttons for retry and discard, bound to the letters that are shown."""
    shown = {"queue": queue, "letters": {letter.pk: letter.at for letter in letters}}
    return (
        action_requests.button(request, "retry-letters", "Retry", queue, **shown),
        action_requests.button(request, "discard-letters", "Discard", queue, **shown),
    )


def sees_values(request: HttpRequest) -> bool:
    """Whether who asks may see what is in single rows."""
    return request.user.has_perm("cachedemo.inspect_keys")


def _chosen(request: HttpRequest, shown: dict[str, Any]) -> tuple[ModelCache, list[str]]:
    """Return the chosen letters: those ticked, or all that were shown. Raises Refused if one has changed since."""
    cache, were = registry.by_queue(shown["queue"]), shown["letters"]
    pks = list(were) if request.POST.get("which") == "all" else request.POST.getlist("pk")
    if not pks:
        raise Refused("No dead letter is ticked.")
    now = cache.table.queue.dead(pks)
    if any(pk not in were or pk not in now or now[pk]["at"] != were[pk] for pk in pks):
        raise Refused(action_requests.STALE)
    return cache, pks


@action_requests.action("retry-letters", back="queue")
def retry(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Give them back to the flush."""
    cache, pks = _chosen(request, shown)
    retried = dead_letters.retry(cache, pks)
    return Result(f"Back in the list of {cache.queue}: {counted(retried, 'row')}.", {"rows": retried})


@action_requests.action("discard-letters", back="queue")
def discard(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Give up what was refused, for good."""
    cache, pks = _chosen(request, shown)
    discarded = dead_letters.discard(cache, pks)
    return Result(f"Given up: the refused writes of {counted(discarded, 'row')} of {cache.queue}.", {"rows": discarded})
