"""The two Redis servers, each behind its role; the only module that imports redis-py.

Every command of the package passes `Role.command`, `Role.script` or `Role.pipeline`, so what an outage means is
decided in one place, `Role.outage`.
"""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, ForeignData, QueueUnavailable, Unavailable
from cachedemo.servers.breaker import Breaker, Open
from cachedemo.servers.scripts import Script

CONNECT_TIMEOUT = 0.5  # seconds
SOCKET_TIMEOUT = 1.0  # seconds
POOL_SIZE = 100  # connections a process may open to one server; a request beyond it is told so at once

EXAMPLE = "Write for example redis://localhost:6379/0."

Error = redis.RedisError

# What an error says about the whole server, and the mend; the first class that fits counts.
_OUTAGES: tuple[tuple[type[Exception], str], ...] = (
    (redis.AuthenticationError, "refuses the password or the user: check both in the URL against the server's own."),
    (redis.exceptions.NoPermissionError, "forbids a command to this user: give it the rights in the server's ACL."),
    (redis.exceptions.BusyLoadingError, "is still loading its data: wait for it."),
    (redis.exceptions.MaxConnectionsError, "has no connection left for this process: run fewer threads in each."),
    (redis.exceptions.OutOfMemoryError, "is full: raise `maxmemory`, or drain what fills it."),
    (redis.exceptions.ReadOnlyError, "is a read-only replica: name the primary in the URL."),
    (redis.exceptions.AskError, "belongs to a Redis Cluster: name a standalone server in the URL."),
    (redis.exceptions.ClusterError, "belongs to a Redis Cluster: name a standalone server in the URL."),
    (redis.InvalidResponse, "does not speak Redis's language: correct the URL."),
    (redis.TimeoutError, "does not answer in time: is it stopped, overloaded, or behind a firewall?"),
    (redis.ConnectionError, "cannot be reached: start it (`redis-server`), or correct the URL."),
)
_REFUSALS = (  # of no class of their own
    "BUSY ",
    "DB index",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOAUTH",
    "NOREPLICAS",
    "OOM",
    "READONLY",
)
_TOO_MANY = "max number of clients"
# redis-py calls these connection errors, but the server is there, and has done nothing.
_NO_SILENCE = (redis.AuthenticationError, redis.exceptions.BusyLoadingError, redis.exceptions.MaxConnectionsError)


class Role:
    """One of the two servers: how to talk to it, and what to raise when it does not answer."""

    def __init__(self, name: str, unavailable: type[Unavailable]) -> None:
        self.name = name
        self.setting = f"{name.upper()}_URL"
        self.unavailable = unavailable
        self.reset()

    def reset(self) -> None:
        """Forget the client and what is known of the server, so that the next command opens a new one."""
        self._client: redis.Redis | None = None
        self._opening = threading.Lock()  # a new one: after a fork, the old may be held by a thread that is not here
        self.breaker = Breaker(lambda: self._command(["PING"]), _is_silence, _is_swift)

    @property
    def url(self) -> str:
        return conf.get(self.setting)

    def client(self) -> redis.Redis:
        """Return this process's client, opened when first asked for and again after a fork.

        Threads that ask at the same time get the same one: redis-py closes the connections of a client that nobody
        holds any more, even those that a pipeline of it is using.
        """
        if (client := self._client) is not None:
            return client
        with self._opening:
            if (client := self._client) is None:
                try:
                    client = self._client = connect(self.url)
                except ValueError as error:
                    raise ImproperlyConfigured(f"CACHEDEMO['{self.setting}']: {error}. {EXAMPLE}") from error
            return client

    def command(self, *words: Any, insist: bool = False) -> Any:
        """Send one command and return its answer; raise what `outage` makes of an error.

        Args:
            insist: send it although the breaker is open, if the server's last word was a swift no. For whoever must
                not miss a server that is back, and would leave something wrong in it.
        """
        return self._run(self._command, words, insist=insist)

    def script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], *, insist: bool = False) -> Any:
        """Run a Lua script and return its answer, loading the script first where the server has not got it."""
        return self._run(self._script, script, keys, arguments, insist=insist)

    def script_and(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], command: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a script and then a command on the same connection; the command's answer may be an exception."""
        call = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        answer, then = self.pipeline([call, command])
        if isinstance(answer, redis.exceptions.NoScriptError):
            answer, then = self.pipeline([("EVAL", script.source, *call[2:]), command])
        if isinstance(answer, Exception):
            raise answer
        return answer, then

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send many commands in one round trip; an answer that is an error stands in the list as an exception.

        Raises:
            Unavailable: the server gave no answer, or refuses one of the commands as it would any. A command that
                this user may not send says nothing of the others: that error stands in the list.
        """
        answers = self._run(self._pipeline, commands)
        answers = [self.outage(answer) if isinstance(answer, redis.RedisError) else answer for answer in answers]
        for answer in answers:
            if isinstance(answer, Unavailable) and not answer.forbidden:
                raise answer
        return answers

    def _command(self, words: Sequence[Any]) -> Any:
        return (self._client or self.client()).execute_command(*words)

    def _script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        client = self._client or self.client()
        try:
            return client.execute_command("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)

    def _pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        client = self.client()  # held until the answers are here, whoever resets the role meanwhile
        pipe = client.pipeline(transaction=False)
        for words in commands:
            pipe.execute_command(*words)
        return pipe.execute(raise_on_error=False)

    def _run(self, send: Callable[..., Any], *arguments: Any, insist: bool = False) -> Any:
        """The one place that every command passes: through the breaker while the server is in trouble."""
        try:
            if self.breaker.troubled:
                return self.breaker.call(lambda: send(*arguments), insist=insist)
            return send(*arguments)
        except redis.RedisError as error:
            self.breaker.note(error)
            raise self.outage(error) from error
        except Open as error:
            raise self.unavailable(f"The {self.name} server at {self.address} is not asked now. {error}") from error

    def outage(self, error: redis.RedisError) -> Exception:
        """Say what an error of this server means: an outage, foreign data under a key of ours, or a bug of ours."""
        where = f"The {self.name} server at {self.address} ({self.setting})"
        if _TOO_MANY in str(error):
            return self._unavailable(f"{where} has no connection left: raise `maxclients`. It said: {error}", error)
        for kind, mend in _OUTAGES:
            if isinstance(error, kind):
                return self._unavailable(f"{where} {mend} It said: {error}", error)
        if str(error).startswith(_REFUSALS):
            return self._unavailable(f"{where} takes no commands now. It said: {error}", error)
        if "WRONGTYPE" in str(error):
            return ForeignData(f"{where} holds something cachedemo did not write under one of its keys: {error}")
        return error

    def _unavailable(self, sentence: str, error: redis.RedisError) -> Unavailable:
        unavailable = self.unavailable(sentence)
        unavailable.full = isinstance(error, redis.exceptions.OutOfMemoryError)
        unavailable.forbidden = isinstance(error, redis.exceptions.NoPermissionError)
        unavailable.sent = _is_silence(error) and "onnecting to" not in str(error)
        return unavailable

    @property
    def address(self) -> str:
        """Host, port and database, without the password."""
        return self.url.rsplit("@", 1)[-1].split("://", 1)[-1].split("?", 1)[0]


def _is_silence(error: BaseException) -> bool:
    """Whether the server did not answer at all; one that refuses a command, or this process a connection, is there."""
    silent = isinstance(error, redis.ConnectionError | redis.TimeoutError)
    return silent and not isinstance(error, _NO_SILENCE) and _TOO_MANY not in str(error)


def _is_swift(error: BaseException) -> bool:
    """Whether a server that did not answer let nobody wait: it is dead, not asleep, out of reach or without a name."""
    return not isinstance(error, redis.TimeoutError) and not isinstance(error.__context__, socket.gaierror)


# No command is sent a second time: the first, held up somewhere, could arrive after the second was acknowledged and
# after a newer write of somebody else. A connection that the server has closed is noticed before anything is sent.
CACHE = Role("cache", CacheUnavailable)
QUEUE = Role("queue", QueueUnavailable)


def connect(url: str) -> redis.Redis:
    """Return a client for `url` with explicit timeouts (seconds), no retries and a bounded pool."""
    client = redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        max_connections=POOL_SIZE,
    )
    # redis-py makes False of the old value that SET … NX GET answers with; a lease must see what stands there.
    client.set_response_callback("SET", lambda answer, **options: answer)
    return client


def place(url: str) -> tuple[str, int, int]:
    """Return where a URL leads: host or socket, port, and database. Raises ValueError if it is no Redis URL."""
    parts = redis.connection.parse_url(url)
    host = str(parts.get("path") or parts.get("host") or "localhost")
    return "localhost" if host in ("127.0.0.1", "::1") else host, parts.get("port", 6379), parts.get("db", 0)


def cache() -> redis.Redis:
    """Return the client of the cache server."""
    return CACHE.client()


def queue() -> redis.Redis:
    """Return the client of the queue server."""
    return QUEUE.client()


def reset() -> None:
    """Forget both clients: after a fork, and when the settings change."""
    CACHE.reset()
    QUEUE.reset()


os.register_at_fork(after_in_child=reset)
