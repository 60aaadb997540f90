"""Django signals of what the cache does, for those who watch: sent where somebody listens, and nowhere else.

`cachedemo/signals.py` has them under the names that projects import. A receiver that fails is logged, and stops nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.dispatch import Signal

from cachedemo.protocol import stats
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.waiting import Claim

cache_hit = Signal()
"""A slot has answered a read. Sent with `pk`, `entry`, `using`."""
cache_miss = Signal()
"""A row was loaded. Sent with `pk`, `entry`, `using`; `entry.origin` is `source` or `pending`."""
flushed = Signal()
"""A batch is in the database and acknowledged. Sent with `pks`, as texts, and `using`."""
dead_lettered = Signal()
"""The database has refused waiting fields. Sent with `pk`, as a text; `fields`, their names; `error`, `using`."""
drift_found = Signal()
"""An audit has found slots that disagree with the database. Sent with `pks` and `using`."""


def tell_hits(table: CachedTable, entries: Mapping[Any, Entry]) -> None:
    """Send `cache_hit` for each row."""
    for pk, entry in entries.items():
        cache_hit.send_robust(table.model, pk=pk, entry=entry, using=table.using)


async def atell_hits(table: CachedTable, entries: Mapping[Any, Entry]) -> None:
    """Do the same in an event loop."""
    for pk, entry in entries.items():
        await cache_hit.asend_robust(table.model, pk=pk, entry=entry, using=table.using)


def tell_misses(table: CachedTable, entries: Mapping[Any, Entry]) -> None:
    """Send `cache_miss` for each row that was loaded."""
    for pk, entry in entries.items():
        cache_miss.send_robust(table.model, pk=pk, entry=entry, using=table.using)


def tell_flushed(table: CachedTable, claims: Sequence[Claim]) -> None:
    """Send `flushed` for a batch that the database has."""
    flushed.send_robust(table.model, pks=[claim.pk for claim in claims], using=table.using)


def dead_letter(table: CachedTable, pk: Any, names: Iterable[str], error: str) -> None:
    """Count a row that has become a dead letter, and send `dead_lettered`."""
    stats.count(table.counts.dead_lettered)
    if dead_lettered.receivers:
        fields = sorted(names)
        dead_lettered.send_robust(table.model, pk=str(pk), fields=fields, error=error, using=table.using)


def drift(table: CachedTable, pks: Sequence[Any]) -> None:
    """Count rows whose slot and database disagree, and send `drift_found`."""
    stats.count(table.counts.drift, len(pks))
    if pks and drift_found.receivers:
        drift_found.send_robust(table.model, pks=pks, using=table.using)
