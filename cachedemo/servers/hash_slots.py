"""The hash slots of Redis Cluster: which of the 16,384 a key is in, and what CLUSTER SLOTS says of where they are."""

from binascii import crc_hqx
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from redis.crc import REDIS_CLUSTER_HASH_SLOTS

from cachedemo.servers.targets import Node

HOW_MANY = REDIS_CLUSTER_HASH_SLOTS
UNNAMED = "?"  # what a cluster calls a server that is to be called by its hostname, and has announced none
REMEMBERED = 4096  # keys; a read asks twice: where its key goes, and which server its slot is of


class Range(NamedTuple):
    """Hash slots in a row that one primary has, and who keeps copies of them."""

    first: int
    last: int
    primary: Node
    replicas: tuple[Node, ...]


@lru_cache(REMEMBERED)
def of(key: str | bytes) -> int:
    """Return the hash slot of a key: of the text between its first braces, if there is any."""
    text = key.encode() if isinstance(key, str) else key
    begin = text.find(b"{") + 1
    if begin and (end := text.find(b"}", begin)) > begin:
        text = text[begin:end]
    return crc_hqx(text, 0) % HOW_MANY


def ranges(answer: Sequence[Any], asked: str) -> list[Range]:
    """Return what an answer to CLUSTER SLOTS says; `asked` is the host that gave it, who may not know its own name."""
    return [
        Range(int(first), int(last), _place(primary, asked), tuple(_place(each, asked) for each in replicas))
        for first, last, primary, *replicas in answer
    ]


def _place(node: Sequence[Any], asked: str) -> Node:
    """Where a server has not announced the hostname that all are to be called by, its address stands behind its id."""
    host, port, _, more = *map(_text, node[:3]), node[3] if len(node) > 3 else ()
    if host == UNNAMED:
        told = more if isinstance(more, dict) else dict(zip(more[::2], more[1::2], strict=True))
        host = {_text(name): _text(value) for name, value in told.items()}.get("ip")
    return host or asked, int(port)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
