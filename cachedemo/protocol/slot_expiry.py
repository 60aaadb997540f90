"""How long a slot lives: its timeout, and a random part of it, so that rows loaded together do not expire together.

An operator may give a single slot another time, within a limit.
"""

from cachedemo.protocol.chance import CHANCE

LONGEST_BY_HAND = 86400  # seconds; key.html repeats it
_SPREAD = 0.1  # of the timeout, more or less


def value_lifetime(timeout: float) -> int:
    """Return the milliseconds that a value lives, from the seconds that its registration says."""
    return max(1, int(timeout * CHANCE.uniform(1 - _SPREAD, 1 + _SPREAD) * 1000))


def missing_lifetime(timeout: float) -> int:
    """Return the milliseconds that "there is no such row" lives."""
    return int(timeout * 1000)
