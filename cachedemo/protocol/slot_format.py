"""What stands in a slot: one string in the cache for each row.

    V<stamp><server><body>   a value; the body is the row as JSON
    N<zeros><server>         known to be missing
    L<token>                 a lease: one reader is loading the row, the others wait for it
    T<token><expiry><slot>   a mark: a writer is under way; the V or N it found is still readable inside

Stamps have 16 digits (microseconds), tokens 16 hexadecimal digits, expiries 13 digits (milliseconds).

<server> names the server that the cache was when the lease or the mark was put there that the value took the place of,
or the base: four hexadecimal digits (servers/greeting.py). A promoted replica lacks the last steps of the old primary,
so what names another server is a miss. Where the server does not tell, and in slots of older releases, nothing stands
there; such a slot is read.
"""

import os
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from cachedemo.protocol import stamps
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.slot_kinds import LEASE, MARK, MISSING, VALUE

_END, _FROM_CACHE = stamps.END, Origin.CACHE  # at hand for `held`, which every hit passes
_V, _OPEN, _CLOSE = ord(VALUE.letter), ord("{"), ord("}")  # as numbers, which are compared faster
_entry = partial(tuple.__new__, Entry)  # without the look for defaults
_MISSING_SLOT = MISSING.letter + b"0" * 16
_HEADER = 17  # kind and stamp
_BODY = 21  # the same, and the server
_MARK_HEADER = 30  # kind, token and expiry
_VALUE_OR_MISSING = rb"V[0-3]\d{15}(?:[0-9a-f]{4})?\{.*\}|N0{16}(?:[0-9a-f]{4})?"
_WELL_FORMED = re.compile(
    rb"%b|L[0-9a-f]{16}|T[0-9a-f]{16}\d{13}(?:%b)?" % (_VALUE_OR_MISSING, _VALUE_OR_MISSING), re.DOTALL
)


def token() -> str:
    """Return 16 hexadecimal digits that name one reader or writer."""
    return os.urandom(8).hex()


def slot_of(entry: Entry, server: bytes) -> bytes:
    """Return the slot that holds an entry: V, or N if there is no such row."""
    return _MISSING_SLOT + server if entry.body is None else b"V%016d%b%b" % (entry.stamp, server, entry.body)


def held(slot: bytes, server: bytes) -> Entry | None:
    """Return what a reader may take from a slot: its value, "missing", or None where it holds neither.

    A mark is as good as the value inside it: the write that put it there is not acknowledged yet.

    Args:
        server: which one the cache is; what another has left is nothing.
    """
    if len(slot) > _BODY and slot[0] == _V and slot[-1] == _CLOSE:
        begin = _BODY if slot[_BODY] == _OPEN and slot.startswith(server, _HEADER) else _HEADER
        if slot[begin] != _OPEN:
            return None
        try:
            stamp = int(slot[1:_HEADER])
        except ValueError:
            return None
        return _entry((slot[begin:], stamp, _FROM_CACHE, slot, None)) if stamp < _END else None
    if slot[:_HEADER] == _MISSING_SLOT and (slot[_HEADER:] in (b"", server) or not server):
        return Entry(None, 0, Origin.CACHE, slot) if len(slot) in (_HEADER, _BODY) else None
    if slot[:1] == MARK.letter and slot[_MARK_HEADER : _MARK_HEADER + 1] != MARK.letter:  # no mark has a mark inside
        return held(slot[_MARK_HEADER:], server)
    return None


def server_of(slot: bytes) -> bytes:
    """Return which server a value names, if it names one."""
    return b"" if slot[_HEADER : _HEADER + 1] == b"{" else slot[_HEADER:_BODY]


def is_older_value(beginning: bytes, stamp: int, server: bytes) -> bool:
    """Say of what a slot begins with whether it is a value below a stamp, and of this server as far as that is told."""
    names_it = not server or beginning[_HEADER:_BODY] == server
    return beginning[:1] == VALUE.letter and names_it and beginning[1:_HEADER] < b"%016d" % stamp


def is_well_formed(slot: bytes) -> bool:
    """Say whether cachedemo may have written this."""
    return _WELL_FORMED.fullmatch(slot) is not None


def new_lease() -> bytes:
    """Return a lease that no other reader has."""
    return LEASE.letter + token().encode()


def is_left_behind(slot: bytes, server: bytes) -> bool:
    """Say whether a slot has a value, or "missing", that another server has left."""
    return slot[:1] in (VALUE.letter, MISSING.letter) and held(slot, server) is None


def is_lease(slot: bytes) -> bool:
    return slot[:1] == LEASE.letter


def is_mark(slot: bytes) -> bool:
    return slot[:1] == MARK.letter


class Lease(NamedTuple):
    """A lease that no other reader has.

    Attributes:
        text: as it stands in the slots.
        servers: key -> which server the cache was before the lease was put there; what is filled in its place names it.
    """

    text: bytes
    servers: Mapping[Any, bytes]
