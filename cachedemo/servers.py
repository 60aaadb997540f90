"""The two Redis servers, each behind its role; the only module that imports redis-py.

Every command of the package passes `Role.command`, `Role.script` or `Role.pipeline`, so what an outage means is
decided in one place, `Role.outage`.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, ForeignData, QueueUnavailable, Unavailable

CONNECT_TIMEOUT = 0.5  # seconds
SOCKET_TIMEOUT = 1.0  # seconds
POOL_SIZE = 100  # connections a process may open to one server; a request beyond it is told so at once

Error = redis.RedisError

# First words of an error reply that say "not now" about the whole server, not "wrong" about one command.
_OUTAGE_WORDS = ("OOM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM", "MISCONF")
_OUTAGES = (
    redis.ConnectionError,  # also refused, wrong password, still loading, too many clients
    redis.TimeoutError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.NoPermissionError,
    redis.exceptions.AskError,  # and MOVED: this server belongs to a cluster
    redis.exceptions.ClusterError,
)


class Script:
    """A script of the `lua` folder, sent once and called by its digest from then on.

    Args:
        name: the file, without its ending.
        prelude: a file whose lines are put behind the script's first.
    """

    def __init__(self, name: str, prelude: str | None = None) -> None:
        self.name = name
        flags, script = _lua(name).split("\n", 1)
        self.source = "\n".join([flags, _lua(prelude), script] if prelude else [flags, script])
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


def _lua(name: str) -> str:
    return (Path(__file__).parent / "lua" / f"{name}.lua").read_text()


class Role:
    """One of the two servers: how to talk to it, and what to raise when it does not answer."""

    def __init__(self, name: str, unavailable: type[Unavailable]) -> None:
        self.name = name
        self.setting = f"{name.upper()}_URL"
        self.unavailable = unavailable
        self._client: redis.Redis | None = None

    @property
    def url(self) -> str:
        return conf.get(self.setting)

    def client(self) -> redis.Redis:
        """Return this process's client, opened when first asked for and again after a fork."""
        if self._client is None:
            self._client = connect(self.url)
        return self._client

    def command(self, *words: Any) -> Any:
        """Send one command and return its answer; raise what `outage` makes of an error."""
        try:
            return (self._client or self.client()).execute_command(*words)
        except redis.RedisError as error:
            raise self.outage(error) from error

    def script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a Lua script and return its answer, loading the script first where the server has not got it."""
        client = self._client or self.client()
        try:
            try:
                return client.execute_command("EVALSHA", script.digest, len(keys), *keys, *arguments)
            except redis.exceptions.NoScriptError:
                return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)
        except redis.RedisError as error:
            raise self.outage(error) from error

    def pipeline(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        """Send many commands in one round trip; an answer that is an error stands in the list as an exception."""
        pipe = self.client().pipeline(transaction=False)
        for words in commands:
            pipe.execute_command(*words)
        try:
            answers = pipe.execute(raise_on_error=False)
        except redis.RedisError as error:
            raise self.outage(error) from error
        return [self.outage(answer) if isinstance(answer, redis.RedisError) else answer for answer in answers]

    def outage(self, error: redis.RedisError) -> Exception:
        """Say what an error of this server means: an outage, foreign data under a key of ours, or a bug of ours."""
        if isinstance(error, _OUTAGES) or str(error).startswith(_OUTAGE_WORDS):
            return self.unavailable(f"The {self.name} server ({self.setting}) is not to be had: {error}")
        if "WRONGTYPE" in str(error):
            return ForeignData(f"A key on the {self.name} server holds something cachedemo did not write: {error}")
        return error

    def reset(self) -> None:
        """Forget the client, so that the next command opens a new one."""
        self._client = None


CACHE = Role("cache", CacheUnavailable)
QUEUE = Role("queue", QueueUnavailable)


def connect(url: str) -> redis.Redis:
    """Return a client for `url` with explicit timeouts (seconds), at most one retry and a bounded pool."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
        max_connections=POOL_SIZE,
    )


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
