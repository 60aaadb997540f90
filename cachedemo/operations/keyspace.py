"""Which keys the cache holds: counted once a minute by beat, and kept with the time, so that no page has to scan."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.protocol import aliases, hint_slots, slot_keys, stats
from cachedemo.protocol.lua import script
from cachedemo.protocol.slot_keys import pattern as pattern  # for those who scan
from cachedemo.servers.key_prefix import ours, prefix
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server import Server

KEY = "keyspace"
KEPT = 86400  # seconds
BATCH = 500  # keys a script looks at, well under a millisecond
SAMPLES = 5  # keys of a group in each batch whose memory is measured
PAUSE = 0.0005  # seconds between two batches: others are served meanwhile
LIMITS_MS = (5_000, 15_000, 30_000, 60_000, 300_000, 3_600_000)
LIMIT_NAMES = ("≤ 5 s", "≤ 15 s", "≤ 30 s", "≤ 1 min", "≤ 5 min", "≤ 1 h", "> 1 h")

# Whose the keys are that are no model's: a Lua pattern, and a name. The first that is found in a key counts.
FOREIGN_GROUPS = (
    ("^_kombu", "Celery"),
    ("^celery", "Celery"),
    ("^unacked", "Celery"),
    ("session", "sessions"),
    ("", "others"),
)

GAUGES = {"memory": "used_memory", "evicted": "evicted_keys"}  # what the charts show of INFO

_survey = script("survey")


@dataclass
class Group:
    """The keys of one version prefix, rows or hints, or of somebody else."""

    name: str
    keys: int = 0
    without_ttl: int = 0
    sampled: int = 0
    sampled_bytes: int = 0
    ttls: list[int] = field(default_factory=lambda: [0] * len(LIMIT_NAMES))

    @property
    def memory(self) -> int | None:
        """Bytes, estimated from the sampled keys."""
        return round(self.sampled_bytes / self.sampled * self.keys) if self.sampled else None

    @property
    def version(self) -> str:
        found = slot_keys.PREFIX.fullmatch(self.name)
        return found[1] if found else ""

    @property
    def model(self) -> str:
        """The model's name in the keys of its rows; empty where the keys are not of our form."""
        found = slot_keys.PREFIX.fullmatch(self.name)
        return hint_slots.split(found[2])[0] if found else ""

    def add(self, keys: int, without_ttl: int, sampled: int, sampled_bytes: int, *ttls: int) -> None:
        self.keys += keys
        self.without_ttl += without_ttl
        self.sampled += sampled
        self.sampled_bytes += sampled_bytes
        self.ttls = [a + b for a, b in zip(self.ttls, ttls, strict=True)]


@dataclass
class Survey:
    """What a scan found: group name -> group, when (seconds since the epoch), and how long it took."""

    groups: dict[str, Group]
    at: float
    seconds: float

    def of_model(self, name: str) -> list[Group]:
        """Return the groups of the model with this name in the keys: of each version its rows and its hints."""
        return [group for group in self.groups.values() if group.model == name]


def foreign(survey: Survey | None) -> list[Group]:
    """Return the groups that are no registered model's: they are counted and never touched."""
    names = {cache.table.slots.name for cache in registry.declared()}
    groups = survey.groups.values() if survey else []
    return [group for group in groups if aliases.split(group.model)[0] not in names]


def scan(beginning: str = "") -> Survey:
    """Count the keys that begin with this text, in batches. Raises CacheUnavailable."""
    begun, groups = time.time(), dict[str, Group]()
    arguments = [BATCH, pattern(beginning), prefix(), SAMPLES, json.dumps(FOREIGN_GROUPS), *LIMITS_MS]
    for server in CACHE.servers():
        for name, *numbers in _found_on(server, arguments):
            groups.setdefault(name.decode(), Group(name.decode())).add(*numbers)
    return Survey(groups, begun, time.time() - begun)


def _found_on(server: Server, arguments: list[Any]) -> Iterator[list[Any]]:
    """Yield what each batch of a server's keys adds to a group: its name, and numbers."""
    cursor = b"0"
    while True:
        cursor, found = server.script(_survey, [], [cursor, *arguments])
        yield from found
        if cursor == b"0":
            return
        time.sleep(PAUSE)


def decoded(body: bytes) -> dict[str, Any]:
    """Return the fields in a slot's body, of whatever version. Raises ValueError."""
    try:
        values = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


def keep() -> Survey:
    """Scan everything, keep the result for the pages, and note memory and evictions for the charts."""
    found = scan()
    groups = [asdict(group) for group in found.groups.values()]
    kept = json.dumps({"at": found.at, "seconds": found.seconds, "groups": groups})
    QUEUE.command("SET", ours(KEY), kept, "EX", KEPT)
    _note_gauges()
    return found


def _note_gauges() -> None:
    """Note what the charts show; nothing where this user may not send INFO."""
    try:
        told = [server.command("INFO") for server in CACHE.servers()]
    except Unavailable as error:
        if error.forbidden:
            return
        raise
    stats.gauge({name: sum(info[field] for info in told) for name, field in GAUGES.items()})


def parse(kept: Any) -> Survey | None:
    """Return what `keep` kept, from the answer to GET; None if beat has not scanned yet."""
    if not isinstance(kept, bytes):
        return None
    try:
        raw = json.loads(kept)
        return Survey({group["name"]: Group(**group) for group in raw["groups"]}, raw["at"], raw["seconds"])
    except (ValueError, TypeError, KeyError):
        return None
