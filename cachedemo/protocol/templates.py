"""What the instances of one row are made from again and again: its values, parsed once."""

import json
from collections.abc import Callable
from typing import Any

from cachedemo.protocol.codec import STAMP, Codec, Values


def template(codec: Codec, body: bytes, stamp: int, using: str) -> Callable[[], Any]:
    """Return what makes instances of a row; they share no value that could change in place.

    Args:
        body: the row as JSON.
        using: alias of the database that it is of.

    Raises:
        ValueError: the body is not of this model.
    """
    decoded = codec.decode(body)
    changing = {name for name in _may_change(codec) if decoded[name] is not None}
    values: Values = {name: None if name in changing else codec.parse(name, value) for name, value in decoded.items()}
    values[STAMP] = stamp
    if not changing:
        return codec.repeater(values, using)
    parse, texts = codec.parse, {name: json.dumps(decoded[name]) for name in changing}
    return lambda: codec.make(values | {name: parse(name, json.loads(text)) for name, text in texts.items()}, using)


def _may_change(codec: Codec) -> set[str]:
    """Return the names of the fields whose Python values could be changed in place, by their class or by a codec."""
    own = {name for name, field in codec.fields.items() if codec.has_own(field)}
    return own | {codec.names[position] for position in codec.mutable(codec.names)}
