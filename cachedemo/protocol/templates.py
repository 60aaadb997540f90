"""What the instances of one row are made from again and again: its values, parsed once."""

import json
from typing import Any

from cachedemo.protocol.codec import STAMP, Codec, Values


class Template:
    """The values of a row; instances made from it share none that could change.

    Args:
        body: the row as JSON.
        stamp: of the row.

    Raises:
        ValueError: the body is not of this model.
    """

    __slots__ = ("_codec", "_texts", "_values")

    def __init__(self, codec: Codec, body: bytes, stamp: int) -> None:
        self._codec = codec
        values = codec.decode(body)
        changing = {name for name in _may_change(codec) if values[name] is not None}
        self._texts = {name: json.dumps(values[name]) for name in changing}
        self._values: Values = {
            name: None if name in changing else codec.parse(name, value) for name, value in values.items()
        }
        self._values[STAMP] = stamp

    def instance(self, using: str) -> Any:
        """Return an instance of its own."""
        values = self._values.copy()
        if self._texts:
            parse = self._codec.parse
            values |= {name: parse(name, json.loads(text)) for name, text in self._texts.items()}
        return self._codec.make(values, using)


def _may_change(codec: Codec) -> set[str]:
    """Return the names of the fields whose Python values could be changed in place, by their class or by a codec."""
    own = {name for name, field in codec.fields.items() if codec.has_own(field)}
    return own | {codec.names[position] for position in codec.mutable(codec.names)}
