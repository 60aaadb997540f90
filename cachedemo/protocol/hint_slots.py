"""Where hints are kept: beside the slots of the rows, under a name that no row's slot can have.

`v2:user/email:ada@example.com` holds

    K<key>      the key of the row that had the value
    L<token>    a lease: one reader is asking the database, the others wait for it
"""

import re
from typing import Any

from cachedemo.protocol import aliases, slot_keys
from cachedemo.protocol.slot_expiry import value_lifetime
from cachedemo.protocol.slot_kinds import HINT
from cachedemo.protocol.slots import Slots

SIGN = "/"  # between a model's name and a field's: no name has it
_WELL_FORMED = re.compile(rb"K.+|L[0-9a-f]{16}", re.DOTALL)


def name(of_rows: str, attname: str) -> str:
    """Return the name in the keys of a field's hints, from that in the keys of the rows."""
    plain, using = aliases.split(of_rows)
    return aliases.named(f"{plain}{SIGN}{attname}", using)


def split(name: str) -> tuple[str, str]:
    """Return the name in the keys of the rows, and the field; that is empty if these are the rows' own."""
    plain, using = aliases.split(name)
    model, _, attname = plain.partition(SIGN)
    return (aliases.named(model, using), attname) if attname else (name, "")


def is_of(key: str, of_rows: str, version: str | None = None) -> bool:
    """Say whether a key is that of a slot or a hint of this model, in this version or in any."""
    parts = slot_keys.parts(key)
    return parts is not None and split(parts[1])[0] == of_rows and version in (None, parts[0])


def pk_text(slot: bytes | None) -> str | None:
    """Return the text of the key that a hint names; None if there is no hint."""
    return slot[1:].decode(errors="replace") if slot and slot[:1] == HINT.letter else None


class HintSlots(Slots):
    """The hints of one field in one version; `pk` is the text of a value here.

    Args:
        rows: the slots of the rows.
    """

    def __init__(self, rows: Slots, attname: str) -> None:
        lifetimes = rows.timeout, rows.missing_timeout, rows.lease_ms / 1000
        super().__init__(name(rows.name, attname), rows.version, *lifetimes)
        self._put_under(rows._before)

    def discard_unusable(self, pk: Any, slot: bytes) -> bool:
        if _WELL_FORMED.fullmatch(slot):
            return False
        self.discard(pk)
        return True

    def _shown(self, pk: Any) -> str:
        """Return no value: people's data does not belong in a log."""
        return f"{self.prefix}…"


def hint_and_lifetime(pk: Any, timeout: float) -> list[Any]:
    """Return what to put there for a row, and for how many milliseconds."""
    return [HINT.letter + str(pk).encode(), value_lifetime(timeout)]
