"""What the beginning of a slot says."""

import pytest

from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.slot_format import is_older_value, slot_of


def beginning(stamp: int, server: bytes = b"ab12") -> bytes:
    return slot_of(Entry(b'{"id": 1}', stamp, Origin.CACHE), server)[:21]


def test_only_a_value_of_this_server_is_known_to_be_older():
    assert is_older_value(beginning(5), 6, b"ab12")
    assert not is_older_value(beginning(6), 6, b"ab12")
    assert not is_older_value(beginning(5), 6, b"cd34")
    assert is_older_value(beginning(5, b""), 6, b""), "a server that does not tell which it is"


@pytest.mark.parametrize("found", [b"", b"N0000000000000000ab12", b"L0123456789abcdef", b"T0123456789abcdef0000"])
def test_nothing_else_is(found):
    assert not is_older_value(found, 6, b"ab12")
