"""What is wrong, in words, each with its fix and the page to go to; the overview shows it before anything else.

A server that does not answer is said by the page itself, and what only it could tell is not guessed here.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cachedemo.admin.snapshot import Snapshot, Waiting
from cachedemo.admin.tiles import BAD, FULL, OLD, WARN
from cachedemo.operations import stopped_flushing
from cachedemo.plurals import counted
from cachedemo.protocol import model_stats
from cachedemo.templatetags.cachedemo_admin import ago, span

LOW, ENOUGH = 0.5, 100  # a hit ratio below this is a fault, where at least so many reads make it
AT_QUEUE, AT_SERVERS, AT_VERSIONS = ("queue", "Flush queue"), ("server", "Servers"), ("versions", "Versions")
COUNTED_WITHIN = 180.0  # seconds: beat has the keys counted each minute


class Fault(NamedTuple):
    """One thing that is wrong.

    Attributes:
        tone: bad if something does not work, warn if it soon may not.
        view: the name of the page where it is seen to.
    """

    tone: str
    words: str
    fix: str
    view: str
    link: str


def faults(seen: Snapshot) -> list[Fault]:
    """Return what is wrong, the worst first."""
    found = [*_of_the_queue(seen), *_of_the_cache(seen)] if seen.queue.up else [*_of_the_cache(seen)]
    return sorted(found, key=lambda fault: fault.tone != BAD)


def _of_the_queue(seen: Snapshot) -> Iterator[Fault]:
    for waiting in seen.waiting:
        yield from _of_one_queue(seen, waiting)
    if not seen.alive and seen.waiting:
        fix = "Start a Celery worker with beat, or manage.py cache_flush --loop."
        yield Fault(BAD, "No worker is alive: writes are acknowledged and wait.", fix, *AT_QUEUE)
    grade = seen.durability.verdict.grade
    for warning in seen.durability.warnings:
        yield Fault(grade if grade in (BAD, WARN) else WARN, warning, "", *AT_SERVERS)
    for words in seen.unwaited:
        yield Fault(WARN, words, "", *AT_SERVERS)
    if seen.survey is None or seen.now - seen.survey.at > COUNTED_WITHIN:
        when = "have never been counted" if seen.survey is None else f"were last counted {ago(seen.survey.at)}"
        fix = "Beat has a worker do it once a minute: are both running?"
        yield Fault(WARN, f"The keys of the cache {when}.", fix, *AT_VERSIONS)
    yield from _of_the_copies(seen)


def _of_the_copies(seen: Snapshot) -> Iterator[Fault]:
    silent = [process for process in seen.near if process.problem]
    for problem in dict.fromkeys(process.problem for process in silent):
        of = [process for process in silent if process.problem == problem]
        since = span(max(0.0, seen.now - min(process.since for process in of)))
        words = f"{counted(len(of), 'process')} without news of changes for {since}, so without copies: {problem}"
        yield Fault(WARN, words, "Reads ask the cache meanwhile, and are right.", *AT_SERVERS)


def _of_one_queue(seen: Snapshot, waiting: Waiting) -> Iterator[Fault]:
    name, late = waiting.cache.queue, seen.now - waiting.oldest if waiting.oldest else 0.0
    if waiting.stopped:
        words = stopped_flushing.sentence(waiting.cache.table.queue)
        yield Fault(BAD, words, f"The database said: {waiting.stopped.error}", *AT_QUEUE)
    if waiting.paused:
        words = f"{name} is paused (by {waiting.paused['by']}, {ago(waiting.paused['at'])}): writes wait."
        yield Fault(WARN, words, "Resume it once the reason is gone.", *AT_QUEUE)
    if waiting.dead:
        words = f"The database has refused {counted(waiting.dead, 'row')} of {name}; reads still show what was written."
        yield Fault(BAD, words, "Retry them once the reason is gone, or discard them.", "queue", "Dead letters")
    if late > OLD:
        words = f"The oldest write in {name} has waited for {span(late)}; a flush comes every second."
        yield Fault(WARN, words, "Are workers and beat running, and does the database answer?", *AT_QUEUE)
    if waiting.overdue > OLD:
        words = f"Slots of {name} should have been emptied {span(waiting.overdue)} ago: readers may see old values."
        yield Fault(
            BAD, words, "Each flush empties them: is a worker running, does the cache answer?", "queue", "Flush queue"
        )


def _of_the_cache(seen: Snapshot) -> Iterator[Fault]:
    if not seen.cache.up:
        return
    used, limit = seen.cache_info.get("used_memory", 0), seen.cache_info.get("maxmemory", 0)
    if not limit:
        fix = "Set maxmemory, and maxmemory-policy allkeys-lru."
        yield Fault(
            WARN, "The cache has no maxmemory: it grows until its machine has none left.", fix, "server", "Servers"
        )
    elif used > FULL * limit:
        fix = "That is fine while the hit ratio is; else give it more."
        yield Fault(
            WARN, f"The cache's memory is full ({100 * used / limit:.0f} %): it evicts.", fix, "server", "Servers"
        )
    forever = sum(group.without_ttl for row in seen.versions for group in row.groups)
    if forever:
        words = f"{counted(forever, 'key')} of ours will never expire: something else has written or persisted them."
        yield Fault(WARN, words, "Delete them, or their version.", *AT_VERSIONS)
    yield from _of_the_reads(seen)


def _of_the_reads(seen: Snapshot) -> Iterator[Fault]:
    reads = sum(minute.get(name, 0) for minute in seen.recent for name in model_stats.READS)
    hits = sum(minute.get(name, 0) for minute in seen.recent for name in model_stats.HITS)
    ratio = hits / reads if reads else 1.0
    if reads >= ENOUGH and ratio < LOW:
        words = f"Only {100 * ratio:.0f} % of the reads of the last minute hit the cache."
        fix = "A FLUSHDB or a new version explains it for a while; else look at memory, evictions and timeouts."
        yield Fault(WARN, words, fix, *AT_SERVERS)
