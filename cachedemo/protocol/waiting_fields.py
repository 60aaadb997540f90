"""What waits for the fields of a row: how it is written down in the row's hash or packed, and as Python has it."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from cachedemo.protocol import increments, row_json, stamps
from cachedemo.protocol.increments import Change, Changes

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # without the white space around it that json.loads looks for

# Field -> its stamp, its value as a JSON value. The stamp of one that the database has refused is above every row's
# (see `stamps.of_refused`), so it is laid over any row. Where increments wait, all of it is in the value, as `Changes`.
Fields = dict[str, tuple[int, Any]]

FLAG, FLAGGED, DELTA, PACKED = b"!", b"true", b"+", b"="  # as in lua/queue.lua


def decode_plain(waiting: Sequence[bytes]) -> tuple[Fields, int] | None:
    """Do what `decode` does for a row with values only, as nearly all have, and return the newest stamp with them.

    None if anything else waits, or cannot be read.
    """
    fields: Fields = {}
    newest = 0
    try:
        for name, value in zip(waiting[::2], waiting[1::2], strict=True):
            text, digits = value[16:].decode(), value[:16]
            json_value, end = _scan(text, 0)
            if not digits.isdigit() or end != len(text) or DELTA in name or FLAG in name:
                return None
            stamp = int(digits)
            fields[name.decode()] = stamp, json_value
            newest = stamp if stamp > newest else newest
    except (ValueError, RecursionError, StopIteration):
        return None
    return (fields, newest) if newest < stamps.END else None


def decode_packed(packed: bytes) -> tuple[Fields, int] | None:
    """Do what `decode_plain` does for a packed row."""
    try:
        newest, fields = int(packed[1:17]), row_json.parsed_fields(packed[18:])
        return (fields, newest) if fields and newest < stamps.END else None
    except ValueError:
        return None


def unpacked(packed: bytes) -> list[bytes]:
    """Return what the hash of a packed row would have, name and value in turn."""
    found = []
    for line in packed.split(b"\n")[1:-1]:
        name, _, pair = line.partition(b'":[')
        stamp, _, value = pair.partition(b",")
        found += [name[2:], stamp + value[:-1]]
    return found


def is_packed(text: Any) -> bool:
    """Whether this is a packed row, as lua/queue.lua has it."""
    return isinstance(text, bytes) and text[:1] == PACKED and text[17:18] == b"\n"


def decode(raw: Mapping[bytes, bytes]) -> tuple[Fields, dict[str, str]]:
    """Return the waiting fields of a row's hash, and an error for each that cannot be read."""
    fields: Fields = {}
    errors: dict[str, str] = {}
    deltas = []
    for name, waiting in raw.items():
        if DELTA in name:
            deltas.append(name)
            continue
        if name[:1] == FLAG and name[1:] in raw:
            continue
        try:
            stamp, value = _field(waiting)
            flag = raw.get(FLAG + name)
            is_refused = flag is not None and flag == waiting[:16] + FLAGGED
            fields[name.decode()] = (stamps.of_refused(stamp) if is_refused else stamp), value
        except (ValueError, RecursionError) as error:
            errors[name.decode(errors="backslashreplace")] = _why(error)
    if deltas:
        _decode_deltas(raw, deltas, fields, errors)
    return fields, errors


def _decode_deltas(raw: Mapping[bytes, bytes], names: list[bytes], fields: Fields, errors: dict[str, str]) -> None:
    """Put what waits of a field with increments in the place of its value; nothing where a part cannot be read."""
    entries = sorted(name for name in names if name[:1] != FLAG or name[1:] not in raw)
    for field, deltas in groupby(entries, field_of):
        try:
            changes = [_delta(raw, name) for name in deltas]
        except (ValueError, RecursionError) as error:
            errors[field] = _why(error)
            fields.pop(field, None)
            continue
        if field not in errors:
            fields[field] = _together(fields.get(field), changes).waiting()


def _delta(raw: Mapping[bytes, bytes], name: bytes) -> Change:
    last, value = _field(raw[name])
    first = _stamp(name.rpartition(DELTA)[2])
    delta, known_place = increments.of_json(value)
    if raw.get(FLAG + name) == raw[name][:16] + FLAGGED:
        first, last = stamps.of_refused(first), stamps.of_refused(last)
    return Change(first, last, delta, True, known_place)


def _together(value: tuple[int, Any] | None, deltas: list[Change]) -> Changes:
    """Return a value and the deltas behind it. What stands behind a refused one is refused with it.

    A release that knows no increments may have left some that are older than its value: they are not in force.
    """
    if value is None:
        return Changes(deltas)
    since = stamps.written(value[0])
    behind = [change for change in deltas if stamps.written(change.last) > since]
    if stamps.is_refused(value[0]):
        behind = [
            change._replace(first=stamps.of_refused(change.first), last=stamps.of_refused(change.last))
            for change in behind
            if not stamps.is_refused(change.last)
        ]
    return Changes([Change(value[0], value[0], value[1], False), *behind])


def oldest_stamp(field: tuple[int, Any]) -> int:
    """Return the oldest of the stamps of what waits for a field."""
    stamp, value = field
    return min(change.last for change in value) if type(value) is Changes else stamp


def field_of(name: bytes) -> str:
    """Return the field that an entry of a row's hash is of."""
    return (name.rpartition(DELTA)[0] or name).decode(errors="surrogateescape")


def refused(fields: Fields) -> Fields:
    """Return those of a row's waiting fields that the database has refused."""
    return _parts(fields, wants_refused=True)


def not_refused(fields: Fields) -> Fields:
    """Return those that are to be written."""
    return _parts(fields, wants_refused=False)


def _parts(fields: Fields, *, wants_refused: bool) -> Fields:
    found = {}
    for name, field in fields.items():
        if type(field[1]) is Changes:
            part = field[1].only(lambda change: stamps.is_refused(change.last) is wants_refused)
            if part:
                found[name] = part.waiting()
        elif stamps.is_refused(field[0]) is wants_refused:
            found[name] = field
    return found


def _why(error: Exception) -> str:
    """Say why a waiting field cannot be read, without a character of it."""
    if isinstance(error, json.JSONDecodeError | RecursionError):
        return "no JSON"
    return "no UTF-8" if isinstance(error, UnicodeError) else str(error)


def _field(waiting: bytes) -> tuple[int, Any]:
    """Return the stamp of a waiting field and its value. Raises ValueError if it is not 16 digits and JSON."""
    stamp = _stamp(waiting[:16])
    text = waiting[16:].decode()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        raise json.JSONDecodeError("no value", text, 0) from None
    if end != len(text):
        raise ValueError("more than a value")
    return stamp, value


def _stamp(digits: bytes) -> int:
    stamp = int(digits) if digits.isdigit() else stamps.END
    if stamp >= stamps.END:
        raise ValueError("no stamp")
    return stamp
