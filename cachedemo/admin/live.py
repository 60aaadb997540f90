"""Live: the commands that a server is sent within the next seconds, for those who may see values; kept nowhere."""

from collections import Counter
from typing import Any

from django.http import HttpRequest

from cachedemo.admin import action_requests
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page, ask, servers
from cachedemo.admin.server import SECRET
from cachedemo.exceptions import Refused
from cachedemo.plurals import counted
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.server import Server
from cachedemo.servers.watching import Seen
from cachedemo.servers.watching import watch as watch_server

SECONDS = 2.0
MOST = 200  # commands
HIDDEN = "(hidden)"


def page(request: HttpRequest) -> Page:
    return _page(request, {})


def _page(request: HttpRequest, seen: dict[str, Any]) -> Page:
    problems: list[str] = []
    found = [(role, server) for role in (CACHE, QUEUE) for server in servers(role, problems)]
    problems += [asked.problem for _, server in found if not (asked := ask(server, [("PING",)])).up]
    buttons = [_button(request, role, server) for role, server in found]
    return Page("live", "Live", {"buttons": buttons, "problems": problems, "seconds": SECONDS, "most": MOST, **seen})


def _button(request: HttpRequest, role: Role, server: Server) -> action_requests.Button:
    label = f"Watch the {role.name} {server.address} for {SECONDS:.0f} s"
    return action_requests.button(request, "watch", label, server.address)


@action_requests.action("watch", back="live")
def watch(request: HttpRequest, target: dict[str, Any]) -> Result:
    """Watch one server, and show what was seen at once: it is written down nowhere but how many there were."""
    found = watch_server(_server(target["target"]), SECONDS, MOST)
    words = f"{counted(len(found), 'command')} seen on {target['target']}."
    seen = {
        "watched": target["target"],
        "seen": [shown(each) for each in found],
        "counts": Counter(each.command for each in found).most_common(),
        "full": len(found) >= MOST,
        "span": found[-1].at - found[0].at if found else 0.0,
    }
    return Result(words, {"commands": len(found)}, page=_page(request, seen))


def shown(seen: Seen) -> Seen:
    """Return a command as it is shown: without what may be a password."""
    return seen._replace(arguments=HIDDEN) if seen.command.lower() in SECRET else seen


def _server(address: str) -> Server:
    for role in (CACHE, QUEUE):
        for server in servers(role, []):
            if server.address == address:
                return server
    raise Refused(f"There is no server at {address} now.")
