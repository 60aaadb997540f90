"""Commands on their way: they are sent, and their answers read later, so that several servers work at the same time."""

from collections.abc import Callable, Sequence
from typing import Any

import redis

from cachedemo.servers.arrived_answers import arrived
from cachedemo.servers.idle_connections import give_back, idle
from cachedemo.servers.packing import all_gets_packed, all_packed

Commands = Sequence[Sequence[Any]]
Collect = Callable[[], list[Any]]


class Trip:
    """Commands on their way over one connection."""

    def __init__(self, client: redis.Redis, commands: Commands) -> None:
        self.commands = commands
        self._client = client
        pool = client.connection_pool
        self._connection = idle(pool) or pool.get_connection()
        try:
            self._connection.send_packed_command(self._packed())
        except BaseException:
            self._give_up()
            raise

    def answers(self, recording: Callable[[Commands, Collect], list[Any]] | None = None) -> list[Any]:
        """Return the answers, errors among them as exceptions. Raises redis-py's error where there is none.

        Args:
            recording: collects them for somebody who watches.
        """
        try:
            found = self._collect() if recording is None else recording(self.commands, self._collect)
        except BaseException:
            self._give_up()
            raise
        give_back(self._client.connection_pool, self._connection)
        return found

    def _collect(self) -> list[Any]:
        return [self._answer(words[0]) for words in self.commands]

    def _packed(self) -> Any:
        return all_packed(self._connection, self.commands)

    def _answer(self, name: Any) -> Any:
        try:
            return self._client.parse_response(self._connection, name)
        except redis.ResponseError as error:
            return error

    def _give_up(self) -> None:
        """What else comes over this connection would be taken for the answer to another command."""
        self._connection.disconnect()
        self._client.connection_pool.release(self._connection)


class Gets(Trip):
    """The same for many GETs, whose answers need no translation: each read of many rows is one such trip per server."""

    def _packed(self) -> Any:
        return all_gets_packed(key for _, key in self.commands)

    def _collect(self) -> list[Any]:
        answers: list[Any] = []
        while (missing := len(self.commands) - len(answers)) > 0:
            answers.append(self._answer("GET"))
            answers += arrived(self._connection, missing - 1)
        return answers

    def _answer(self, name: Any) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error
