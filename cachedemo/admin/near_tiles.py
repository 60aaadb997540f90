"""The overview's tiles of the copies that processes keep; none where no registration has `near`."""

from collections.abc import Mapping, Sequence

from django.template.defaultfilters import filesizeformat

from cachedemo import registry
from cachedemo.admin.page import Tile
from cachedemo.admin.snapshot import Snapshot
from cachedemo.plurals import counted
from cachedemo.protocol import model_stats
from cachedemo.templatetags.cachedemo_admin import span

LABELS = ("Read from copies, last minute", "Hear of changes")
UNKNOWN = "–"
_DELAY = "near_delay_seconds/all/"
_BUCKETS = (*map(str, model_stats.BUCKETS), model_stats.BEYOND)


def tiles(seen: Snapshot) -> list[Tile]:
    if not any(cache.near for cache in registry.registered()):
        return []
    if not seen.queue.up:
        return [Tile(label, UNKNOWN, "the queue server, which counts, does not answer") for label in LABELS]
    return [_read(seen), _heard(seen)]


def _read(seen: Snapshot) -> Tile:
    copies = sum(minute.get("near", 0) for minute in seen.recent)
    reads = sum(minute.get(name, 0) for minute in seen.recent for name in model_stats.READS)
    rows, size = sum(process.rows for process in seen.near), sum(process.bytes for process in seen.near)
    kept = f"{counted(rows, 'row')}, {filesizeformat(size)}"
    where = f"{kept} in {counted(len(seen.near), 'process')}" if seen.near else "no process keeps any now"
    if not reads:
        return Tile(LABELS[0], UNKNOWN, f"no reads; {where}")
    return Tile(LABELS[0], f"{100 * copies / reads:.0f} %", f"of {counted(int(reads), 'read')}; {where}")


def _heard(seen: Snapshot) -> Tile:
    if not seen.near:
        return Tile(LABELS[1], UNKNOWN, "no process reads such rows now")
    silent = [process for process in seen.near if process.problem]
    value = f"{len(seen.near) - len(silent)} of {len(seen.near)}"
    if silent:
        since = span(max(0.0, seen.now - min(process.since for process in silent)))
        return Tile(LABELS[1], value, f"processes; the others have not been listening for {since}", "warn")
    since = span(max(0.0, seen.now - max(process.since for process in seen.near)))
    return Tile(LABELS[1], value, f"listening for {since}; {_delays(seen.recent)}", "good")


def _delays(minutes: Sequence[Mapping[str, float]]) -> str:
    """Return how late they hear: the bounds of the buckets that half and 99 % of all were in."""
    numbers = {le: sum(minute.get(_DELAY + le, 0) for minute in minutes) for le in _BUCKETS}
    if not sum(numbers.values()):
        return "how late they hear is not known yet"
    half, most = (_bound(numbers, share) for share in (0.5, 0.99))
    return f"heard within {half} (p50), {most} (p99)"


def _bound(numbers: Mapping[str, float], share: float) -> str:
    wanted, so_far = share * sum(numbers.values()), 0.0
    for le, number in numbers.items():
        so_far += number
        if so_far >= wanted and le != model_stats.BEYOND:
            return span(float(le))
    return f"more than {span(model_stats.BUCKETS[-1])}"
