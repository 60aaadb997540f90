"""The JSON object in a slot's body, or in a packed row: read by msgspec where that is installed, else by Python's json.

Both read the same values. What msgspec refuses (NaN, half of a surrogate pair, many brackets) json reads again, and its
word counts. Only json writes, so that the bytes are the same on all machines and in all releases. All that goes to a
server as JSON is written here: a text may be one that UTF-8 has no bytes for.
"""

import json
from typing import Any

try:
    from msgspec.json import Decoder
except ImportError:  # it is an extra
    Decoder = None  # type: ignore[assignment, misc]

Values = dict[str, Any]  # attname -> value as a JSON value
Stamped = dict[str, tuple[int, Any]]  # attname -> its stamp, and its value

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # without the white space around it that json.loads looks for


_encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_escaped = json.JSONEncoder().encode


def encoded(value: Any) -> bytes:
    """Return a JSON value as bytes; half of a surrogate pair, which a column of JSON takes, as its escape."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_escaped(value).encode()


def by_json(body: bytes) -> Values:
    """Return the values of a JSON object. Raises ValueError if it is none."""
    text = body.decode()
    try:
        values, end = _scan(text, 0)
    except (RecursionError, StopIteration) as error:
        raise ValueError("nested too deep, or nothing") from error
    if end != len(text) or not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def by_msgspec(body: bytes) -> Values:
    """Do the same, several times as fast."""
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return by_json(body)


def stamped_by_json(body: bytes) -> Stamped:
    """Return fields with their stamps. Raises ValueError if they are none."""
    found = {}
    for name, pair in by_json(body).items():
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not int:
            raise ValueError("not a stamp and a value")
        found[name] = (pair[0], pair[1])
    return found


def stamped_by_msgspec(body: bytes) -> Stamped:
    """Do the same, several times as fast."""
    try:
        return _decode_stamped(body)
    except (ValueError, RecursionError):
        return stamped_by_json(body)


if Decoder is None:
    parsed, parsed_fields = by_json, stamped_by_json
else:
    _decode, _decode_stamped = Decoder(Values).decode, Decoder(Stamped).decode
    parsed, parsed_fields = by_msgspec, stamped_by_msgspec
