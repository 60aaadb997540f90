"""What pages ask of queues in shards, in the one trip in which they ask for everything else."""

from collections.abc import Callable, Sequence
from typing import Any

from cachedemo.admin.page import Answers, ask
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers.roles import QUEUE

Command = tuple[Any, ...]
AskPart = Callable[[ModelCache, WriteQueue], list[Command]]


def ask_with_shards(
    first: Sequence[Command], caches: Sequence[ModelCache], of_part: AskPart
) -> tuple[Answers, list[list[list[Any]]]]:
    """Ask the queue server, and of each of these caches each shard.

    A second time where there is another number of shards than this process has known.

    Args:
        first: commands besides, whose answers come first.

    Returns:
        All answers, and for each cache those of each shard.
    """
    asked, groups = _ask(first, caches, of_part)
    records = asked.answers[len(first) : len(first) + len(caches)]
    news = [cache.table.queue.heard(record) for cache, record in zip(caches, records, strict=True)]
    if any(news):
        asked, groups = _ask(first, caches, of_part)
    answers = iter(asked.answers[len(first) + len(caches) :])
    return asked, [[[next(answers) for _ in commands] for commands in parts] for parts in groups]


def _ask(
    first: Sequence[Command], caches: Sequence[ModelCache], of_part: AskPart
) -> tuple[Answers, list[list[list[Command]]]]:
    records = [("GET", cache.table.queue.key("shards")) for cache in caches]
    groups = [[of_part(cache, part) for part in cache.table.queue.known_parts()] for cache in caches]
    commands = [command for parts in groups for part in parts for command in part]
    return ask(QUEUE, [*first, *records, *commands]), groups
