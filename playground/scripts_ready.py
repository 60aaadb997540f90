"""Lua scripts sent to both servers before a trace begins: otherwise the first call of each is shown twice.

A server that restarts has forgotten them, so this is asked each time somebody is about to look.
"""

import contextlib
from types import ModuleType

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import queue, slots
from cachedemo.protocol.lua import scripts_in
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.server_errors import Error


def load() -> None:
    """Send each script to the server that runs it; one that does not answer is left out."""
    for role, module in ((CACHE, slots), (QUEUE, queue)):
        _load(role, module)


def _load(role: Role, module: ModuleType) -> None:
    scripts = scripts_in(module)
    with contextlib.suppress(CachedemoError, Error):
        role.pipeline([("SCRIPT LOAD", script.source) for script in scripts])
