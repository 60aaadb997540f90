"""Whom the history will name, where a command is told with `--user`."""

import socket
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from cachedemo.operations import history


def add_argument(parser: CommandParser) -> None:
    parser.add_argument("--user", metavar="NAME", help="who does it, for the history; without it there is no entry")


def find(name: str | None) -> Any:
    """Return the user whom the history will name, None if nobody. Raises Refused where nobody keeps a history."""
    if name is None:
        return None
    history.log_entries()
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist:
        raise CommandError(f"There is no user {name!r} to name in the history.") from None


def name_of(user: Any, command: str) -> str:
    """Return who does it, for those who see what is done: the user, or the command and its machine."""
    return user.get_username() if user else f"{command} on {socket.gethostname()}"
