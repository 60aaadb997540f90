"""What is sent for a command, past redis-py's look at each of its words: that takes longer than to pack them."""

from collections.abc import Iterable, Sequence
from typing import Any

try:
    from hiredis import pack_command as _pack
except ImportError:
    _pack = None  # type: ignore[assignment]


def packed(connection: Any, words: Sequence[Any]) -> Sequence[bytes]:
    """Return what is sent for a command.

    What redis-py must look at is left to it: a name of two words, which it splits, and a value that cannot be sent.
    """
    if len(words) == 2 and words[0] == "GET" and type(words[1]) is str:
        return (_packed_get(words[1]),)
    try:
        if _pack is not None and " " not in words[0]:
            return (_pack(tuple(words)),)
    except TypeError:
        pass
    found: Sequence[bytes] = connection.pack_command(*words)
    return found


def all_packed(connection: Any, commands: Iterable[Sequence[Any]]) -> Sequence[bytes]:
    """Return what is sent for many commands in one go."""
    return (b"".join([part for words in commands for part in packed(connection, words)]),)


def all_gets_packed(keys: Iterable[str]) -> Sequence[bytes]:
    """Return what is sent for a GET of each key."""
    return (b"".join(map(_packed_get, keys)),)


def _packed_get(key: str) -> bytes:
    """Return what redis-py makes of GET in ten steps: each read of a row is one."""
    text = key.encode()
    return b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(text), text)
