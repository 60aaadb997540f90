"""The version table: what is announced, what is registered here, and what the last scan found, put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.operations import version_deletion
from cachedemo.operations.deletion_progress import Deletion
from cachedemo.operations.keyspace import LIMIT_NAMES, Group, Survey
from cachedemo.protocol.versions import LIVE, Record, records


@dataclass
class VersionRow:
    """One version prefix of one model.

    Attributes:
        groups: its keys, those of rows and of each lookup; none if the scan found none or there was no scan.
        counted: whether there was one.
        asked: whether the queue, which knows what is announced, has answered.
    """

    cache: ModelCache
    version: str
    record: Record | None
    groups: list[Group]
    counted: bool
    deletion: Deletion | None = None
    asked: bool = True

    @property
    def name(self) -> str:
        return self.cache.table.slots.name

    @property
    def prefix(self) -> str:
        return version_deletion.prefix(self.cache, self.version)

    @property
    def current(self) -> bool:
        return self.version == self.cache.table.slots.version

    @property
    def state(self) -> str:
        """current and live are announced, retiring is being deleted, retired has keys but no process serves it."""
        announced = self.record.state if self.record else ""
        if not self.asked:
            return "current, unknown whether in use" if self.current else "unknown"
        if announced == version_deletion.RETIRING:
            return "retiring"
        if self.current:
            return "current" if announced else "current, not in use"
        return "live" if announced else "retired"

    @property
    def since(self) -> float | None:
        return self.record.since or None if self.record else None

    @property
    def fields(self) -> list[str]:
        return self.record.fields if self.record else []

    @property
    def keys(self) -> int | None:
        return sum(group.keys for group in self.groups) if self.counted else None

    @property
    def memory(self) -> int | None:
        known = [group.memory for group in self.groups if group.memory is not None]
        return sum(known) if known else None

    @property
    def sampled(self) -> int:
        return sum(group.sampled for group in self.groups)

    @property
    def without_ttl(self) -> int:
        return sum(group.without_ttl for group in self.groups)

    @property
    def ttls(self) -> list[tuple[str, int, int]]:
        """(limit, keys, tenths of the fullest) for each bar of the histogram."""
        if not self.groups:
            return []
        ttls = [sum(keys) for keys in zip(*(group.ttls for group in self.groups), strict=True)]
        most = max(ttls) or 1
        return [(n, keys, -(-10 * keys // most)) for n, keys in zip(LIMIT_NAMES, ttls, strict=True)]


def rows(caches: Sequence[ModelCache], answers: Sequence[Any], survey: Survey | None) -> list[VersionRow]:
    """Return each version prefix of these models, the newest of each first."""
    return [row for cache, answer in zip(caches, answers, strict=True) for row in _of_model(cache, answer, survey)]


def _of_model(cache: ModelCache, answer: dict[bytes, bytes] | None, survey: Survey | None) -> list[VersionRow]:
    noted, asked = records(answer or {}), answer is not None or not cache.queue
    if not cache.queue:  # what is registered here is all there is to know
        noted = {cache.table.slots.version: Record(LIVE, 0, sorted(cache.table.codec.fields))}
    groups: dict[str, list[Group]] = {}
    for group in survey.of_model(cache.table.slots.name) if survey else []:
        groups.setdefault(group.version, []).append(group)
    versions = sorted({cache.table.slots.version, *noted, *groups}, key=int, reverse=True)
    return [VersionRow(cache, v, noted.get(v), groups.get(v, []), survey is not None, asked=asked) for v in versions]
