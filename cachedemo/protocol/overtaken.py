"""What the database has rolled back because another transaction came first: it begins anew.

At REPEATABLE READ and SERIALIZABLE that is how a race ends, and nothing was written for certain. At READ COMMITTED, the
default, it does not happen.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import Error as DatabaseFailure

from cachedemo.exceptions import Overtaken
from cachedemo.protocol import database_errors, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chance import CHANCE
from cachedemo.protocol.database_errors import Verdict

T = TypeVar("T")

FIRST_PAUSE = 0.005  # seconds at most, doubled each time: two that pause alike would meet again


def again_if_overtaken(table: CachedTable, using: str, call: Callable[[], T]) -> T:
    """Call it; call it again if it was overtaken, as often as `max_attempts` says.

    Inside a transaction it is called once: all of that must begin anew, which is for those who began it. They are told
    by Django's own error, which is what they look for.
    """
    if transactions.in_transaction(using):
        return _once(call)
    for number in range(table.options.max_attempts - 1):
        try:
            return call()
        except (DatabaseFailure, Overtaken) as error:
            if not may_begin_anew(error, using):
                raise
        pause(number)
    return call()


def _once(call: Callable[[], T]) -> T:
    try:
        return call()
    except Overtaken as error:
        told = database_errors.said(error)
        raise told from told.__cause__


def may_begin_anew(error: BaseException, using: str) -> bool:
    """Whether something ended so because it was overtaken, and no transaction is under way around it."""
    return is_overtaken(error) and not transactions.in_transaction(using)


def is_overtaken(error: BaseException) -> bool:
    return database_errors.judge(database_errors.said(error)) is Verdict.OVERTAKEN


def pause(number: int) -> None:
    """Let the others go first, before the try that follows the one of this number."""
    time.sleep(CHANCE.uniform(0, FIRST_PAUSE * 2**number))
