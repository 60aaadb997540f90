"""The hash slots of Redis Cluster: which of the 16,384 a key is in, and what CLUSTER SLOTS says of where they are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from cachedemo.servers.targets import Node

HOW_MANY = REDIS_CLUSTER_HASH_SLOTS


class Range(NamedTuple):
    """Hash slots in a row that one primary has, and who keeps copies of them."""

    first: int
    last: int
    primary: Node
    replicas: tuple[Node, ...]


def of(key: str | bytes) -> int:
    """Return the hash slot of a key: of the text between its first braces, if there is any."""
    return key_slot(key.encode() if isinstance(key, str) else key)


def ranges(answer: Sequence[Any], asked: str) -> list[Range]:
    """Return what an answer to CLUSTER SLOTS says; `asked` is the host that gave it, who may not know its own name."""
    return [
        Range(int(first), int(last), _place(primary, asked), tuple(_place(each, asked) for each in replicas))
        for first, last, primary, *replicas in answer
    ]


def _place(node: Sequence[Any], asked: str) -> Node:
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return host or asked, int(node[1])
