"""What pages ask of queues in shards, in the one trip in which they ask for everything else."""

from collections.abc import Callable, Sequence
from operator import itemgetter
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


def together(of_shards: Sequence[Sequence[Any]]) -> list[Any]:
    """Return one answer to each command, from those of all shards: numbers added, members by their scores."""
    return [_one([answer for answer in answers if answer is not None]) for answers in zip(*of_shards, strict=True)]


def _one(answers: list[Any]) -> Any:
    if len(answers) < 2:
        return answers[0] if answers else None
    if isinstance(answers[0], int):
        return sum(answers)
    if isinstance(answers[0], list):
        return sorted((pair for answer in answers for pair in answer), key=itemgetter(1))
    if isinstance(answers[0], dict):
        return {name: value for answer in answers for name, value in answer.items()}
    return answers[0]
