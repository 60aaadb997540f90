"""What a command does where `CACHEDEMO["ENABLED"]` is False: no server is asked, whatever it was told to do.

Upkeep that a deploy or a timer calls (drain, flush, audit, delete what is old, list) has nothing to do and ends well,
so that one script serves each environment. What names a thing to be changed on a server is an error.
"""

from django.core.management.base import BaseCommand, CommandError

from cachedemo import conf

BY_SETTING = "cachedemo is switched off, CACHEDEMO['ENABLED'] is False: no server is asked"


def said(command: BaseCommand, undone: str) -> bool:
    """Say that nothing is to be done, if we are switched off; return whether we are.

    Args:
        undone: what is not done therefore, for example "nothing is flushed".
    """
    if conf.is_enabled():
        return False
    command.stderr.write(f"{BY_SETTING}, and {undone}.")
    return True


def refuse(undone: str) -> None:
    """Raise CommandError if we are switched off."""
    if not conf.is_enabled():
        raise CommandError(f"{BY_SETTING}, so {undone}.")
