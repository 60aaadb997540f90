"""The three write patterns. A pattern is a way to write; reads are the same in all of them."""

from enum import StrEnum

from cachedemo import conf


class Pattern(StrEnum):
    """How a write reaches the cache and the database."""

    CACHE_ASIDE = "cache-aside"
    WRITE_THROUGH = "write-through"
    WRITE_BEHIND = "write-behind"

    @classmethod
    def _missing_(cls, value: object) -> "Pattern":
        raise ValueError(f"{value!r} is none of the patterns: {', '.join(cls)}.")


class AsConfigured:
    """Stands where no pattern is named: that of the setting `PATTERN`, whenever it is asked for."""

    def __get__(self, cache: object, owner: type) -> Pattern:
        return Pattern(conf.get_valid("PATTERN"))
