"""What is sent for a command is what redis-py would send."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis.connection import Connection
from redis.exceptions import DataError

from cachedemo.servers import packing

COMMANDS: list[Sequence[Any]] = [
    ("GET", "v2:user:ключ"),
    ("GET", b"v2:user:1"),
    ("PTTL", "v2:user:1"),
    ("SET", "k", b"\x00\xff\r\n", "PX", 2**60, "NX", "GET"),
    ["HSET", "k", "field", -1, 0.1],
    ("EVALSHA", "digest", 1, "k", b"", 1.5e300),
    ("CONFIG GET", "appendfsync"),
    ("SLOWLOG GET", 10),
    ("SET", "k", bytearray(b"x")),
]


@pytest.fixture(params=["with hiredis", "without"], autouse=True)
def packer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(packing, "_pack", None)


def test_a_command_is_packed_as_redis_py_does() -> None:
    for words in COMMANDS:
        assert b"".join(packing.packed(Connection(), words)) == b"".join(Connection().pack_command(*words)), words


def test_many_are_packed_one_behind_the_other() -> None:
    expected = b"".join(Connection().pack_commands(COMMANDS))
    assert b"".join(packing.all_packed(Connection(), COMMANDS)) == expected
    assert b"".join(packing.all_gets_packed(["a", "ключ"])) == b"".join(
        Connection().pack_commands([("GET", "a"), ("GET", "ключ")])
    )


def test_a_value_that_cannot_be_sent_is_refused_as_redis_py_does() -> None:
    for value in (None, True, object()):
        with pytest.raises(DataError):
            packing.packed(Connection(), ("SET", "k", value))
