"""For how long the overview looks back, and where the numbers of that time are kept."""

from typing import NamedTuple

from cachedemo.protocol.stats_kept import BY_HOURS, BY_MINUTES, BY_MODELS, Grain


class Range(NamedTuple):
    """One range that may be chosen.

    Attributes:
        label: on its button.
        words: as in "the last …".
        grain: of the curves.
        models: of what is told by model, over the same time.
    """

    label: str
    words: str
    seconds: int
    grain: Grain
    models: Grain

    @property
    def steps(self) -> int:
        return self.seconds // self.grain.seconds

    @property
    def model_steps(self) -> int:
        return self.seconds // self.models.seconds


RANGES = {
    "15m": Range("15 min", "15 minutes", 15 * 60, BY_MINUTES, BY_MODELS),
    "1h": Range("1 h", "hour", 3600, BY_MINUTES, BY_MODELS),
    "1d": Range("1 d", "day", 86400, BY_MINUTES, BY_HOURS),
    "7d": Range("7 d", "7 days", 7 * 86400, BY_HOURS, BY_HOURS),
}
AT_FIRST = "1h"
