"""The overview's tiles: one question each, answered in a number and a few words."""

from django.template.defaultfilters import filesizeformat, pluralize

from cachedemo.admin import near_tiles
from cachedemo.admin.page import Tile, servers
from cachedemo.admin.snapshot import Snapshot
from cachedemo.protocol import model_stats
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.server import Server
from cachedemo.templatetags.cachedemo_admin import span

GOOD, WARN, BAD = "good", "warn", "bad"
OLD = 10.0  # seconds after which a waiting write is too old
FULL = 0.95  # of maxmemory
ENOUGH = 20  # reads from which on their hit ratio says something
UNKNOWN = "–"

_BREAKER = {"closed": ("Closed", GOOD), "open": ("Open", BAD), "half-open": ("Half open", WARN)}


def tiles(seen: Snapshot) -> list[Tile]:
    found = [hit_ratio(seen), keys(seen), *_waiting(seen), workers_alive(seen), breakers(seen), durability(seen)]
    return [*found, *near_tiles.tiles(seen)]


def hit_ratio(seen: Snapshot) -> Tile:
    """Of this minute and the one before, since this one may have just begun."""
    hits = sum(minute.get(name, 0) for minute in seen.recent for name in model_stats.HITS)
    reads = sum(minute.get(name, 0) for minute in seen.recent for name in model_stats.READS)
    if not reads:
        return Tile("Hit ratio, last minute", UNKNOWN, "no reads" if seen.queue.up else "not known")
    ratio = 100 * hits / reads
    tone = GOOD if ratio >= 80 else WARN if reads >= ENOUGH else ""
    return Tile("Hit ratio, last minute", f"{ratio:.0f} %", f"{reads:,.0f} read{pluralize(reads)}", tone)


def keys(seen: Snapshot) -> Tile:
    if not seen.cache.up:
        return Tile("Keys and memory", "Down", "reads go to the database", BAD)
    info = seen.cache_info
    used, limit = info.get("used_memory", 0), info.get("maxmemory", 0)
    if not limit:
        return Tile("Keys and memory", f"{seen.cache.answers[1]:,}", f"{filesizeformat(used)}, no maxmemory set", WARN)
    tone = WARN if used > FULL * limit else GOOD
    words = f"{filesizeformat(used)} of {filesizeformat(limit)} ({100 * used / limit:.0f} %)"
    return Tile("Keys and memory", f"{seen.cache.answers[1]:,}", words, tone)


def _waiting(seen: Snapshot) -> list[Tile]:
    labels = ("Pending writes", "Oldest pending", "Dead letters")
    if not seen.queue.up:
        return [Tile(label, "Down", "the queue does not answer", BAD) for label in labels]
    depth = sum(waiting.depth for waiting in seen.waiting)
    dead = sum(waiting.dead for waiting in seen.waiting)
    oldest = min((waiting.oldest for waiting in seen.waiting if waiting.oldest), default=None)
    age = max(0.0, seen.now - oldest) if oldest else None
    paused = [str(waiting.cache.queue) for waiting in seen.waiting if waiting.paused]
    words = f"paused: {', '.join(paused)}" if paused else "acknowledged, waiting for the database"
    words = f"{dead:,} of them refused, not on the way" if dead else words  # such a row counts as pending too
    return [
        Tile(labels[0], f"{depth:,}", words, WARN if paused else ""),
        Tile(labels[1], UNKNOWN, "nothing waits") if age is None else Tile(labels[1], span(age), "", _tone_of(age)),
        Tile(labels[2], f"{dead:,}", "refused by the database" if dead else "", BAD if dead else GOOD),
    ]


def _tone_of(age: float) -> str:
    return WARN if age > OLD else ""


def workers_alive(seen: Snapshot) -> Tile:
    if not seen.queue.up:
        return Tile("Workers alive", UNKNOWN, "the queue server, which knows, does not answer")
    names = ", ".join(sorted(seen.alive)[:3])
    return Tile("Workers alive", str(len(seen.alive)), names or "nobody flushes", GOOD if seen.alive else BAD)


def breakers(seen: Snapshot) -> Tile:
    """Those of this process; each has its own."""
    states = {label: server.breaker.state for role in (CACHE, QUEUE) for label, server in _labelled(role)}
    worst = next((state for state in ("open", "half-open") if state in states.values()), "closed")
    word, tone = _BREAKER[worst]
    each = ", ".join(f"{name} {state}" for name, state in states.items())
    return Tile("Circuit breaker", word, f"{each}; closed lets calls through", tone)


def _labelled(role: Role) -> list[tuple[str, Server]]:
    """Return the servers of a role, each by the name that tells it from the others."""
    found = servers(role, [])
    return [(role.name if len(found) == 1 else f"{role.name} {server.address}", server) for server in found]


def durability(seen: Snapshot) -> Tile:
    if not seen.queue.up:
        return Tile("Queue's durability", "Down", "write-behind is refused", BAD)
    return Tile("Queue's durability", *seen.durability.verdict)
