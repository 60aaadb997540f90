"""Which stamps a queue can have handed out; any other, as an import may leave in a row, counts as none at all.

Lua's numbers are doubles, and a stamp has 16 digits wherever it is compared as text. A stamp beyond what either can
hold must not drive the queue's clock, or the other rows would get it too.
"""

from django.db.models import Q

END = 4_000_000_000_000_000  # microseconds: in the year 2096; lua/queue.lua has it too


def is_proper(stamp: int) -> bool:
    """Whether a queue can have handed it out."""
    return 0 <= stamp < END


def proper(stamp: int) -> int:
    """Return the stamp, or 0 where no queue can have handed it out: no write through the cache reached that row."""
    return stamp if 0 <= stamp < END else 0


def of_refused(stamp: int) -> int:
    """Return what stands for the stamp of a waiting field that the database has refused: newer than any row's."""
    return stamp + END


def is_refused(stamp: int) -> bool:
    """Whether it stands for that of a refused field."""
    return stamp >= END


def written(stamp: int) -> int:
    """Return the stamp of a waiting field as it was handed out, refused or not."""
    return stamp % END


def below(stamp: int) -> Q:
    """Return what picks the rows that a write with this stamp may change."""
    return Q(cache_stamp__lt=stamp) | improper()


def improper() -> Q:
    """Return what picks the rows whose stamp no queue can have handed out."""
    return Q(cache_stamp__lt=0) | Q(cache_stamp__gte=END)
