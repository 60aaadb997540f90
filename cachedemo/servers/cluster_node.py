"""One server of a cluster. Where it says that another has the key, the redirection is raised as it is."""

from collections.abc import Callable
from typing import Any

import redis

from cachedemo.exceptions import CachedemoError, Unavailable
from cachedemo.servers.breaker import Breaker
from cachedemo.servers.client import Client, connect
from cachedemo.servers.greeting import Unusable
from cachedemo.servers.pipeline_answers import meant
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error, is_silence
from cachedemo.servers.targets import Target
from cachedemo.servers.trip import Commands, Gets, Trip

# A server that answers with one of these has not taken the command.
REDIRECTIONS = (redis.exceptions.AskError, redis.exceptions.TryAgainError)  # a MovedError is an AskError
_OUTDATED = (
    redis.exceptions.MovedError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.ReadOnlyError,
    Unusable,
)

Collect = Callable[[], list[Any]]


class ClusterNode(Server):
    """One server of a cluster, with a breaker of its own.

    Args:
        name: of the role.
        unavailable: what to raise.
        found: where the role's URL leads.
        host, port: of this server.
        outdated: called where what is known of the cluster may hold no more.
        still_asked: looks at the cluster again, and says whether this server still has any keys.
    """

    def __init__(
        self,
        name: str,
        unavailable: type[Unavailable],
        found: Target,
        host: str,
        port: int,
        outdated: Callable[[], None],
        still_asked: Callable[["ClusterNode"], bool],
    ) -> None:
        self._target = found
        self.host, self.port = host, port
        self._outdated = outdated
        self._still_asked = still_asked
        super().__init__(name, unavailable)

    mode = "cluster"

    def reset(self) -> None:
        super().reset()
        self._teller: redis.Redis | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def connect(self) -> Client:
        return connect(self._target.url_of(self.host, self.port), self.recognised.new_greeting())

    def told(self) -> tuple[Any, Any]:
        """Return its answers to CLUSTER INFO and CLUSTER SLOTS, also if it is a replica. Raises as `command`."""
        info, slots = self._run(self._tell)
        return info, slots

    def _tell(self) -> tuple[Any, Any]:
        teller = self._teller = self._teller or connect(self._target.url_of(self.host, self.port))
        return teller.execute_command("CLUSTER INFO"), teller.execute_command("CLUSTER SLOTS")

    def ping(self) -> None:
        """Ask for an answer. One that a replica has taken the place of need not come back."""
        if self._still_asked(self):
            super().ping()

    def outage(self, error: redis.RedisError, key: Any = "") -> Exception:
        if is_silence(error) or isinstance(error, _OUTDATED):
            self._outdated()
        return error if isinstance(error, REDIRECTIONS) else super().outage(error, key)

    def begin(self, commands: Commands, *, insist: bool = False, gets: bool = False) -> Collect:
        """Send many commands, and return what collects their answers; so several servers work at the same time.

        An answer that is an error is an exception in the list; where the server did not answer, each of them is.

        Args:
            insist: as for `command`.
            gets: whether each of them is GET and a key, which can be packed faster.
        """
        breaker = self.breaker
        try:
            if breaker.troubled:  # then its breaker decides, and it is asked in one go
                answers = self.answers(commands, insist=insist)
                return lambda: answers
            trip = self._run(Gets if gets else Trip, self.client(), commands)
        except (CachedemoError, Error) as error:
            failed = [error] * len(commands)
            return lambda: failed
        return lambda: self._collected(trip, breaker)

    def _collected(self, trip: Trip, breaker: Breaker) -> list[Any]:
        try:
            answers = trip.answers(getattr(self._client, "recording", None))
            return meant(trip.commands, answers, self.outage)
        except Error as error:
            return [self._failed(error, breaker)] * len(trip.commands)
