"""How many shards a queue is kept in, changed while it is used. The model of it is `tests/shard_model.py`.

    1. it is noted that a change is under way, by a run with a number above those before it
    2. the new shards are emptied of what an earlier run has left there; they are not open
    3. the old shards take no write-behind (writes go to the database at once), and are flushed until nothing waits
    4. each is ended: from here on it answers only that it is not current, and who asks it waits
    5. dead letters, what is owed, who is gone, and the versions move to the new shards, whose clocks go above the old
    6. it is noted that the new number is current; until here it can be taken back
    7. the new shards are opened, by whoever comes first; what has moved is removed from the old ones

No step touches two shards, which a cluster has in different hash slots. It may be killed between any two steps and is
begun again to finish it: with another number of run, which makes the shards refuse whatever the earlier one still does.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.plurals import counted
from cachedemo.protocol import flush, shards, versions
from cachedemo.protocol.lua import change_script
from cachedemo.protocol.operated_shards import Parts
from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.shard_tables import ShardAlone, ShardTable
from cachedemo.protocol.sharded_queue import ShardedQueue
from cachedemo.protocol.shards import CHANGING, OPENED, TAKING_BACK, Shards
from cachedemo.protocol.waiting import text
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import QUEUE

Command = tuple[Any, ...]  # of Redis, with the part of a key in the place of the key
Tell = Callable[[str], None]

PIECE = 200  # commands that one step puts into a shard

_clear, _drain, _end = change_script("clear_shard"), change_script("drain_shard"), change_script("end_shard")
_fill, _open = change_script("fill_shard"), change_script("open_shard")


class Done(NamedTuple):
    """What a change has done: how many shards there were and are, and rows that were flushed."""

    before: int
    after: int
    flushed: int


class Stands(NamedTuple):
    """How the shards of one queue stand.

    Attributes:
        begins_with: the number in the registration.
    """

    queue: str
    now: Shards
    begins_with: int


def standing(cache: ModelCache) -> Stands:
    """Return how many shards a queue has. Raises Refused, QueueUnavailable."""
    queue = _queue(cache)
    return Stands(queue.name, queue.noted()[0], queue.begins_with)


def change(cache: ModelCache, count: int, timeout: float | None = None, tell: Tell = lambda said: None) -> Done:
    """Change how many shards the queue has, or go on with a change, or take one back: then `count` is as it was before.

    Args:
        timeout: seconds to wait for each shard to be flushed; None waits as long as it takes.
        tell: is told of each step.

    Raises:
        Refused: somebody else is at it, or the model is switched off, or a version is being deleted or of a release
            that knows no shards; nothing has changed.
        TimeoutError: something still waits. This and what follows leave it begun: call it again.
        StatementRefused, SourceUnavailable, OutcomeUnknown, CacheUnavailable, QueueUnavailable
    """
    queue = _queue(cache)
    if not (type(count) is int and 1 <= count <= shards.MOST):
        raise Refused(f"{count!r} is no number of shards: name one from 1 to {shards.MOST}.")
    queue.look()
    found, raw = queue.noted()
    if found.state == TAKING_BACK or (found.state == CHANGING and count == found.number):
        _take_back(queue, found, raw)
        tell(f"{queue.name}: taken back, it has {counted(found.number, 'shard')}.")
        found, raw = queue.noted()
    if found.number == count:
        queue.open_all(found, raw)
        return Done(count, count, 0)
    if not found.state:
        _refuse_others(queue)
    begun = Shards(found.number, count, CHANGING, found.run + 1)
    _note(queue, raw, begun)
    try:
        flushed = _move(cache, queue, begun, timeout, tell)
    except Refused:
        if queue.noted()[0] == begun:
            _take_back(queue, begun, begun.written)
        raise
    return Done(found.number, count, flushed)


def _queue(cache: ModelCache) -> ShardedQueue:
    queue = cache.table.queue
    if not isinstance(queue, ShardedQueue):
        raise Refused(f"{cache.model._meta.label} has no queue that could be in shards.")
    return queue


def _refuse_others(queue: ShardedQueue) -> None:
    """Raise Refused where not everybody would understand it."""
    if queue.closed() is not None:
        raise Refused(f"{queue.name} is switched off: run `cache_switch on` first.")
    for version, record in queue.versions().items():
        if b'"shards"' not in record:
            raise Refused(
                f"Version {version} of {queue.name} was announced by a release of cachedemo that knows no shards: "
                f"raise `version` in the registration, deploy, and delete version {version}."
            )


def _take_back(queue: ShardedQueue, found: Shards, raw: bytes) -> None:
    back = Shards(found.number, found.number, TAKING_BACK, found.run + 1)
    _note(queue, raw, back)
    for part in queue.of(back.number):
        _step(queue, part, _open, back.run)
    _note(queue, back.written, back._replace(state=""))


def _note(queue: ShardedQueue, known: bytes, new: Shards) -> None:
    if not queue.note(known, new):
        raise Refused(f"Somebody else is changing the number of shards of {queue.name}: look at `cache_shards`.")


def _step(queue: ShardedQueue, part: FlushQueue, script: Any, *arguments: Any) -> str:
    answer = text(queue.step(part, script, *arguments))
    if answer == "OVERTAKEN":
        raise Refused(f"Somebody else is changing the number of shards of {queue.name}: look at `cache_shards`.")
    if answer == "OFF":
        raise Refused(f"{queue.name} was switched off meanwhile: run `cache_switch on` first.")
    return answer


def _move(cache: ModelCache, queue: ShardedQueue, begun: Shards, timeout: float | None, tell: Tell) -> int:
    old, new = queue.of(begun.number), queue.of(begun.to)
    for part in new:
        _step(queue, part, _clear, begun.run)
    for part in old:
        _step(queue, part, _drain, begun.run)
    tell(f"{queue.name} takes no write-behind: until it has {counted(begun.to, 'shard')}, writes go to the database.")
    flushed = sum(_drained(cache, queue, part, begun, timeout) for part in old)
    tell(f"{queue.name}: {counted(flushed, 'row')} flushed.")
    clock = max(_ended(cache, queue, part, begun, timeout) for part in old)
    _fill_all(queue, old, new, begun, clock)
    opened = Shards(begun.to, begun.number, OPENED, begun.run)
    _note(queue, begun.written, opened)
    queue.look()
    for part in old:
        queue.step(part, _clear, begun.run)
    return flushed


def _drained(cache: ModelCache, queue: ShardedQueue, part: FlushQueue, begun: Shards, timeout: float | None) -> int:
    if _step(queue, part, _drain, begun.run) == "ENDED":  # by an earlier run
        return 0
    return flush.drain(ShardTable(cache.table, ShardAlone(queue, part)), timeout)


def _ended(cache: ModelCache, queue: ShardedQueue, part: FlushQueue, begun: Shards, timeout: float | None) -> int:
    """End a shard and return its clock; flush it again if an operator's retry has come between."""
    note = shards.note(begun._replace(number=begun.to))
    while (answer := _step(queue, part, _end, begun.run, note)) == "WAITS":
        _drained(cache, queue, part, begun, timeout)
    return int(answer)


def _fill_all(queue: ShardedQueue, old: Parts, new: Parts, begun: Shards, clock: int) -> None:
    """Put into the new shards what is left in the old ones, and raise the clock of each."""
    moves: dict[int, list[Command]] = defaultdict(list)
    for part in old:
        for place, command in _left(part, len(new)):
            moves[place].append(command)
    for place, part in enumerate(new):
        commands = moves[place]
        for start in range(0, max(1, len(commands)), PIECE):
            words = [
                word
                for command, key, *arguments in commands[start : start + PIECE]
                for word in (command, key, len(arguments), *arguments)
            ]
            _step(queue, part, _fill, begun.run, clock, *words)


def _left(part: FlushQueue, count: int) -> Iterator[tuple[int, Command]]:
    """Yield what is left in a shard that has ended, and to which of the new ones it goes."""
    dead, owed, gone, noted = all_raised(
        QUEUE.pipeline(
            [
                ("HGETALL", part.key("dead")),
                ("ZRANGE", part.key("owed"), 0, -1, "WITHSCORES"),
                ("ZRANGE", part.key("gone"), 0, -1, "WITHSCORES"),
                ("HGETALL", part.key("versions")),
            ]
        )
    )
    if any(record.state != versions.LIVE for record in versions.records(noted).values()):
        raise Refused(f"A version of {part.name} is being deleted: wait for that, or cancel it.")
    for pk, letter in dead.items():
        place = shards.place(text(pk), count)
        row = QUEUE.command("HGETALL", part.key(f"row:{text(pk)}"))
        yield place, ("HSET", f"row:{text(pk)}", *(word for pair in row.items() for word in pair))
        yield place, ("HSET", "dead", pk, letter)
        yield place, ("ZADD", "pending", "+inf", pk)
    for member, deadline in owed:
        pk = text(member).rpartition(":")[0]
        for place in range(count) if member == b":all" else [shards.place(pk, count)]:
            yield place, ("ZADD", "owed", repr(deadline), member)
    for pk, expiry in gone:
        yield shards.place(text(pk), count), ("ZADD", "gone", repr(expiry), pk)
    for place in range(count):
        for version, record in noted.items():
            yield place, ("HSET", "versions", version, record)


def words(stands: Stands) -> str:
    """Say how many shards a queue has, what is under way, and where its registration says otherwise."""
    now, registered = stands.now, stands.begins_with
    said = f"{stands.queue} has {counted(now.number, 'shard')}."
    if now.state:
        return (
            f"{said} Somebody has begun to change that to {now.to} and not finished: run "
            f"`cache_shards` again, with {now.to} to go on or with {now.number} to take it back."
        )
    if registered != now.number:
        said += (
            f" Its registration says {registered}, which only a new queue takes: run `cache_shards`, or say it there."
        )
    return said


def sentences(caches: Sequence[ModelCache]) -> list[str]:
    """Return a sentence for each queue whose number of shards is being changed, or is not the registered one."""
    stand = [standing(cache) for cache in caches]
    return [words(each) for each in stand if each.now.state or each.now.number != each.begins_with]
