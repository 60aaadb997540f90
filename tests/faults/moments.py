"""A fault of a long run, and for how long each lasts."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault that is over when `make` returns.

    Attributes:
        parts: whether some may still reach a server that others cannot, or another one in its place.
    """

    make: Callable[[], object]
    parts: bool = False


class Moments:
    """How long things last; the seed decides."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def a_moment(self) -> None:
        time.sleep(self.chance.uniform(0.1, 0.5))

    def a_while(self) -> None:
        time.sleep(self.chance.uniform(0.3, 2.5))

    def past(self, deadline: float) -> None:
        time.sleep(deadline * self.chance.uniform(1.1, 1.6))
