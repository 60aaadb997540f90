"""Who has which email: users that swap theirs, give them up and take them, and readers that look them up.

An email is a row of the history, below zero so that no note has its number; its one field is the name of the user who
has it, which is written along with it and unique to that write.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any

from django.db import IntegrityError, transaction

from cachedemo import cache_for
from cachedemo.exceptions import Contended
from tests.faults.history import Kind, Outcome, Recorder
from users.models import User

KEPT = range(1, 5)  # somebody always has these: two users exchange them in one transaction
LOOSE = range(5, 8)  # one user gives them up, then another takes them
USERS = range(1, 11)
FIRST = 1_000_000  # their keys begin above it, so that the database hands out others


def email(number: int) -> str:
    return f"{number}@example.com"


def begin(recorder: Recorder) -> None:
    """Make the users, the first ones with an email that is watched."""
    for user in User.objects.filter(pk__in=[FIRST + n for n in USERS]):
        user.delete()  # of the load before
    for n in USERS:
        number = recorder.next_number()
        if n in KEPT:
            recorder.begin_as(number, Kind.CREATE, -n, {"owner": recorder.value(number)})
        mine = email(n) if n in KEPT else f"user-{n}@example.com"
        cache_for(User).create(pk=FIRST + n, name=recorder.value(number), email=mine)
        if n in KEPT:
            recorder.end(number, Outcome.OK)


def at_rest(found: Iterable[User]) -> dict[int, Any]:
    """Return what a read saw: row of the history -> its field."""
    numbers = {email(number): number for number in (*KEPT, *LOOSE)}
    return {-numbers[user.email]: {"owner": user.name} for user in found if user.email in numbers}


class Owners:
    """What one client does with them.

    Args:
        do: runs an action and writes down what came of it.
        do_all: the same for one action that is several operations; it returns how many it has done.
    """

    def __init__(self, chance: random.Random, recorder: Recorder, do: Any, do_all: Any, patterns: Any) -> None:
        self.users = cache_for(User)
        self.random = chance
        self.recorder = recorder
        self.do, self.do_all, self.patterns = do, do_all, patterns

    def look(self) -> None:
        """Look one up. A loose one may be nobody's; a kept one never is."""
        number = self.random.choice((*KEPT, *LOOSE))
        missing = {-number: None} if number in KEPT else None
        row = -number if number in KEPT else None
        self.do(self.recorder.begin(Kind.READ, row), lambda: at_rest([self.users.get_by(email=email(number))]), missing)

    def look_at_many(self) -> None:
        wanted = list(map(email, (*KEPT, *LOOSE)))
        self.do(self.recorder.begin(Kind.READ), lambda: self._many(wanted))

    def _many(self, wanted: list[str]) -> dict[int, Any]:
        nobodys = {-number: None for number in KEPT}
        return nobodys | at_rest(self.users.get_many_by("email", wanted).values())

    def swap(self) -> None:
        """Let the owners of two emails exchange them in one transaction."""
        numbers = sorted(self.random.sample(KEPT, 2))
        begun = [self._begin(number) for number in numbers]
        way = self.random.choice((self._save, self._update))
        self.do_all([op for op, _ in begun], lambda: self._swap(numbers, [name for _, name in begun], way))

    def _swap(self, numbers: list[int], names: list[str], write: Callable[..., None]) -> int:
        first, second = map(email, numbers)
        with transaction.atomic():
            found = {user.email: user for user in User.objects.select_for_update().filter(email__in=(first, second))}
            if len(found) < 2:
                raise Contended  # others exchange them just now
            write(found[first], email=f"between-{self.recorder.client}@example.com")
            write(found[second], email=first, name=names[0])
            write(found[first], email=second, name=names[1])
        return 2

    def _save(self, user: User, **fields: str) -> None:
        vars(user).update(fields)
        user.save()

    def _update(self, user: User, **fields: str) -> None:
        User.objects.filter(pk=user.pk).update(**fields)

    def take(self) -> None:
        """Have whoever has a loose email give it up, then give it to another."""
        number, pattern = self.random.choice(LOOSE), self.random.choice(self.patterns)
        taker = FIRST + self.random.choice([n for n in USERS if n not in KEPT])
        op, name = self._begin(number)
        self.do(op, lambda: self._take(number, taker, pattern, name))

    def _take(self, number: int, taker: int, pattern: str, name: str) -> None:
        for owner in User.objects.filter(email=email(number)).exclude(pk=taker):
            self.users.via(pattern).update(owner.pk, email=f"{name}@example.com")
        try:
            self.users.via(pattern).update(taker, email=email(number), name=name)
        except IntegrityError as error:
            raise Contended from error  # another has taken it just now

    def _begin(self, number: int) -> tuple[int, str]:
        op = self.recorder.next_number()
        name = self.recorder.value(op)
        self.recorder.begin_as(op, Kind.WRITE, -number, {"owner": name})
        return op, name
