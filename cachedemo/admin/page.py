"""What a page is made of, and how it asks a server that may be down."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.http import HttpRequest

from cachedemo.exceptions import CachedemoError
from cachedemo.servers.roles import Role
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error

REFRESH_CHOICES = (1, 2, 5, 15, 0)  # seconds after which a page is fetched anew, for its reader to choose; 0 is never
REFRESH_AT_FIRST = 5


class Page(NamedTuple):
    """A template of the folder admin/cachedemo, the page's title, and what the template shows.

    The part of a page that refreshes itself is in `<name>_live.html`, and a request of htmx gets only that.
    """

    name: str
    title: str
    context: dict[str, Any]
    live: bool = False

    def template(self, request: HttpRequest) -> str:
        part = "_live" if self.live and request.headers.get("HX-Request") else ""
        return f"admin/cachedemo/{self.name}{part}.html"


class Tile(NamedTuple):
    """One number that answers a question; tone is good, warn, bad or nothing."""

    label: str
    value: str
    detail: str = ""
    tone: str = ""


class Answers(NamedTuple):
    """A server's answers in the order of the commands, or why there are none."""

    answers: list[Any]
    problem: str

    @property
    def up(self) -> bool:
        return not self.problem


@contextmanager
def reported(problems: list[str]) -> Iterator[None]:
    """Go on where a server does not answer, and add what is wrong to the problems that the page shows."""
    try:
        yield
    except (CachedemoError, Error) as error:
        problems.append(str(error))


def ask(role: Server, commands: Sequence[Sequence[Any]]) -> Answers:
    """Send commands in one round trip. An answer that is an error is None; so is every answer of a server down."""
    problems: list[str] = []
    answers: list[Any] = [None] * len(commands)
    with reported(problems):
        answers = [None if isinstance(answer, Exception) else answer for answer in role.pipeline(commands)]
    return Answers(answers, problems[0] if problems else "")


def servers(role: Role, problems: list[str]) -> Sequence[Server]:
    """Return the servers of a role; where nobody knows who they are, that is added to the problems."""
    try:
        return role.servers()
    except (CachedemoError, Error) as error:
        problems.append(str(error))
        return []
