"""The making of a test database: whose migrations are run, by one process, before anybody has used a cache.

The keys of a test database are those of this run, so nothing of it is in the servers before its first test. What a
data migration saves there needs none of the steps, then, and no server: else a project that has one could run no test
at all without Redis, not even those that touch no cache. A `migrate` outside of tests takes all steps: others may be
using that database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.db.backends.base.creation import BaseDatabaseCreation

_being_made: list[str] = []  # aliases
_just_made: set[str] = set()  # of those that nobody has used since


def follow(when_made: Callable[[str], None]) -> None:
    """Note from here on which databases are being made.

    Args:
        when_made: called with the alias of one that is.
    """
    plain = BaseDatabaseCreation.create_test_db

    @wraps(plain)
    def create_test_db(self: Any, *args: Any, **kwargs: Any) -> Any:
        using = self.connection.alias
        with _making(using):
            result = plain(self, *args, **kwargs)
        when_made(using)
        _just_made.add(using)
        return result

    BaseDatabaseCreation.create_test_db = create_test_db  # type: ignore[method-assign]


@contextmanager
def _making(using: str) -> Iterator[None]:
    _being_made.append(using)
    try:
        yield
    finally:
        _being_made.remove(using)


def is_under_way(using: str) -> bool:
    """Say whether the test database of this alias is being made, by this process.

    Or was just made, and another one is: its migrations may write here, too.
    """
    if _being_made:
        return using in _being_made or using in _just_made
    _just_made.discard(using)
    return False
