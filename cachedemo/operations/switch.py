"""Switching off: every process asks the database only, until somebody switches on again. See docs/operating.md.

    off    1. a note at the model's tables, and one at each queue: from here on nothing is enqueued, announced or
              filled, and a process that asks the queue is told so
           2. drain: what waits is written to the database
           3. sweep: the slots of every version are emptied
           4. every version is forgotten, if nothing waits: no writer has a slot to empty any more
    on     1. sweep, for whatever may have come back to the cache meanwhile
           2. the notes are taken away

Either may be killed between any two steps, or overtaken by the other, and is begun again to finish it. Until step 4 all
processes keep the promise among themselves; from then on those may write that know of no queue, because
`CACHEDEMO["ENABLED"]` is False there.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS

from cachedemo import conf, registry
from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.plurals import counted
from cachedemo.protocol import announced_tables, closed_notes, hint_slots, slot_keys
from cachedemo.protocol.closed_notes import CLOSED, Note
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers import test_runs
from cachedemo.servers.key_prefix import prefix
from cachedemo.servers.roles import CACHE

ON = "on"
SCANNED = 1000  # keys in one go
BY_SETTING = (
    "cachedemo is switched off in this process, CACHEDEMO['ENABLED'] is False: no server is asked, so no other process "
    "can be told anything."
)

Tell = Callable[[str], None]


class Standing(NamedTuple):
    """How one queue stands.

    Attributes:
        note: who has switched it off; None while it is on.
        waiting: rows that wait for the database, dead letters included.
    """

    model: str
    queue: str
    note: Note | None
    waiting: int
    dead: int

    @property
    def state(self) -> str:
        """ON, CLOSING (begun, or not finished) or CLOSED."""
        return self.note.state if self.note else ON


class Done(NamedTuple):
    """What switching has done: rows that were flushed, slots that were emptied, and what is left in which queue."""

    flushed: int
    slots: int
    left: list[Standing]


def models(labels: Sequence[str] = ()) -> list[ModelCache]:
    """Return the registrations of these models (`app.Model`), or of all that have a queue.

    Raises:
        Refused: there is no such model, or nobody could be told, because it has no queue or we are switched off.
    """
    if not conf.is_enabled():
        raise Refused(BY_SETTING)
    test_runs.use_all_servers()
    declared = {cache.model._meta.label_lower: cache for cache in registry.declared()}
    for label in labels:
        if label.lower() not in declared:
            known = ", ".join(cache.model._meta.label for cache in declared.values())
            raise Refused(f"No model {label!r} is registered; there are {known}.")
        if not declared[label.lower()].queue:
            raise Refused(f"{label} has no queue where a process could be told: set CACHEDEMO['ENABLED'] to False.")
    chosen = [declared[label.lower()] for label in labels] or [each for each in declared.values() if each.queue]
    if not chosen:
        raise Refused("No registered model has a queue where a process could be told: set CACHEDEMO['ENABLED'].")
    return list(dict.fromkeys(chosen))


def without_queue() -> list[str]:
    """Return the models that no switch can reach: nobody asks a queue before a row of theirs is read."""
    return [cache.model._meta.label for cache in registry.declared() if not cache.queue]


def off(chosen: Sequence[ModelCache], by: str, timeout: float | None = None, tell: Tell = lambda said: None) -> Done:
    """Switch these models off, or go on with it.

    Args:
        by: who does it, for those who see the note.
        timeout: seconds to wait for what waits to be flushed; None waits as long as it takes.
        tell: is told of each step.

    Raises:
        Refused: somebody has switched on meanwhile; or, before anything was done, a database is not known here.
        TimeoutError: something still waits. This and what follows leave it begun: call it again.
        StatementRefused, SourceUnavailable, OutcomeUnknown, CacheUnavailable, QueueUnavailable
    """
    everywhere(chosen)
    note = closed_notes.new(by)
    for model in chosen:
        announced_tables.close(_label(model), note)
    caches = everywhere(chosen)
    notes = {cache: cache.table.queue.close(note) for cache in caches}
    tell("Closed: from now on writes go to the database at once.")
    flushed = slots = 0
    while True:
        flushed += sum(_drained(cache, timeout, tell) for cache in caches)
        slots += sweep(caches)
        waits = [cache for cache, note in notes.items() if _end(cache.table.queue, note) == "WAITS"]
        if all(cache.table.queue.in_line() == 0 for cache in waits):
            return Done(flushed, slots, [standing(cache) for cache in waits])


def _drained(cache: ModelCache, timeout: float | None, tell: Tell) -> int:
    flushed = cache.drain(timeout)
    if flushed:
        tell(f"{cache.queue}: {counted(flushed, 'row')} flushed.")
    return flushed


def _end(queue: WriteQueue, note: bytes) -> str:
    result = queue.end_closing(note, closed_notes.ended(note))
    if result == "SWITCHED":
        raise Refused(f"Somebody has switched {queue.name} meanwhile: look at `cache_switch status`.")
    return result


def on(chosen: Sequence[ModelCache]) -> Done:
    """Switch these models on, or go on with it: their slots are emptied first.

    Raises:
        Refused: somebody has switched off anew meanwhile; or, before anything was done, a database is not known here.
        CacheUnavailable, QueueUnavailable: call it again.
    """
    caches = everywhere(chosen)
    of_models = {_label(model): announced_tables.closed(_label(model)) for model in chosen}
    notes = {cache: cache.table.queue.closed() for cache in caches}
    if not any([*of_models.values(), *notes.values()]):
        return Done(0, 0, [])
    slots = sweep(caches)
    opened = [cache.table.queue.open(note) for cache, note in notes.items() if note]
    opened += [announced_tables.open_again(label, note) for label, note in of_models.items()]
    if not all(opened):
        raise Refused("Somebody has switched meanwhile: look at `cache_switch status`.")
    return Done(0, slots, [])


def sweep(caches: Iterable[ModelCache]) -> int:
    """Empty all slots and hints of these tables in every version, whoever names it; return how many there were."""
    names: dict[str, set[str]] = defaultdict(set)
    for cache in caches:
        names[prefix(cache.using)].add(cache.table.slots.name)
    return sum(_sweep(before, of_models) for before, of_models in names.items())


def _sweep(before: str, names: set[str]) -> int:
    swept = 0
    form = re.compile(re.escape(before) + slot_keys.PREFIX.pattern)
    for keys in CACHE.scan(slot_keys.pattern(f"{before}v"), SCANNED):
        found = ((key, form.match(key.decode(errors="replace"))) for key in keys)
        ours = [key for key, parts in found if parts and hint_slots.split(parts[2])[0] in names]
        swept += CACHE.unlink(ours)
    return swept


def standings(chosen: Iterable[ModelCache] | None = None) -> list[Standing]:
    """Return how each queue stands. Raises QueueUnavailable, UnknownDatabase."""
    return [standing(cache) for cache in (registry.with_queue() if chosen is None else everywhere(chosen))]


def standing(cache: ModelCache) -> Standing:
    """Return how one queue stands. If its table is new since its model was switched off, it is off without a note."""
    queue = cache.table.queue
    note = closed_notes.parse(queue.closed()) or _of_model(cache)
    return Standing(_label(cache), queue.name, note, queue.depth(), queue.dead_count())


def _of_model(cache: ModelCache) -> Note | None:
    note = closed_notes.parse(announced_tables.closed(_label(cache)))
    if note is None:
        return None
    return closed_notes.parse(registry.cache_for(cache.model, DEFAULT_DB_ALIAS).table.queue.closed()) or note


def words(queue: str, note: Note | None) -> str:
    """Say how a queue stands, in a sentence."""
    if note is None:
        return f"{queue} is on."
    since = f"since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(note.since))}, by {note.by}"
    if note.state == CLOSED:
        return f"{queue} is switched off {since}: only the database is asked, until manage.py cache_switch on."
    return f"{queue} is being switched off or on {since}, and not finished: run manage.py cache_switch off, or on."


def sentences() -> list[str]:
    """Return a sentence for each queue that is not on. Raises QueueUnavailable."""
    if not conf.is_enabled():
        return []
    return [words(each.queue, each.note) for each in standings() if each.note]


def everywhere(chosen: Iterable[ModelCache]) -> list[ModelCache]:
    """Return the caches of these models in every database. Raises UnknownDatabase, QueueUnavailable."""
    return [cache for model in chosen for cache in registry.in_every_database(model)]


def _label(cache: ModelCache) -> str:
    return str(cache.model._meta.label)
