"""The hit ratio of each model within the range that the overview shows."""

from typing import NamedTuple

from cachedemo import registry
from cachedemo.admin.snapshot import Snapshot
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import model_stats


class ModelRatio(NamedTuple):
    """The reads of one model.

    Attributes:
        ratio: of the reads, those that the cache or a copy answered, in per cent; None if there were none, or if nobody
            knows.
    """

    label: str
    reads: int | None
    database: int | None
    ratio: float | None


def ratios(seen: Snapshot) -> list[ModelRatio]:
    """Return all registered models, the one with the lowest ratio first."""
    found = [_ratio(cache, seen) for cache in registry.registered()]
    return sorted(found, key=lambda each: (each.ratio is None, each.ratio or 0.0))


def _ratio(cache: ModelCache, seen: Snapshot) -> ModelRatio:
    label = (
        cache.model._meta.label
        if cache.table.using == "default"
        else f"{cache.model._meta.label} in {cache.table.using}"
    )
    if not seen.queue.up:
        return ModelRatio(label, None, None, None)
    counted = seen.models.get(cache.table.slots.name, {})
    reads = sum(int(counted.get(name, 0)) for name in model_stats.READS)
    hits = sum(int(counted.get(name, 0)) for name in model_stats.HITS)
    return ModelRatio(label, reads, reads - hits, 100 * hits / reads if reads else None)
