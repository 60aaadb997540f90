"""A client for a URL: timeouts, no retries, a bounded pool."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured
from redis import asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import HiredisRespSerializer, parse_url
from redis.retry import Retry
from redis.utils import HIREDIS_AVAILABLE

from cachedemo import conf
from cachedemo.servers.idle_connections import give_back, idle
from cachedemo.servers.packing import all_packed, packed
from cachedemo.servers.sentinels import Sentinels, pool_of
from cachedemo.servers.targets import Target, Topology

_HOME = redis.Redis.__module__


class Client(redis.Redis):
    """redis-py's client, and a short way for commands whose answers need no translation."""

    def ask(self, *words: Any) -> Any:
        """Send such a command and return its answer, past redis-py's retries and telemetry: they take as long again.

        Where somebody watches `execute_command`, as Sentry and OpenTelemetry do, it goes that way.
        """
        if is_watched():
            return self.execute_command(*words)
        return self._exchange(_ask, words)

    def ask_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send many commands in one round trip; an answer that is an error is an exception in its place.

        Where somebody watches pipelines, they are one of redis-py's.
        """
        if _is_watched(Pipeline.execute) or _is_watched(redis.Redis.execute_command):
            pipe = self.pipeline(transaction=False)
            for words in commands:
                pipe.execute_command(*words)
            return pipe.execute(raise_on_error=False)
        return self._exchange(self._ask_all, commands)

    def _ask_all(self, connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        connection.send_packed_command(all_packed(connection, commands))
        return [self._answer(connection, words[0]) for words in commands]

    def _answer(self, connection: Any, name: str) -> Any:
        try:
            answer = connection.read_response()
        except redis.ResponseError as error:
            return error
        translate = self.response_callbacks.get(name)
        return answer if translate is None else translate(answer)

    def _exchange(self, talk: Callable[[Any, Any], Any], said: Any) -> Any:
        pool = self.connection_pool
        connection = idle(pool) or pool.get_connection()
        try:
            return talk(connection, said)
        except redis.ResponseError:
            raise
        except BaseException:
            connection.disconnect()  # what comes over it yet would be taken for the answer to another command
            raise
        finally:
            give_back(pool, connection)


def _ask(connection: Any, words: Sequence[Any]) -> Any:
    connection.send_packed_command(packed(connection, words))
    return connection.read_response()


def is_watched() -> bool:
    """Whether somebody watches `execute_command`."""
    return _is_watched(redis.Redis.execute_command)


def _is_watched(method: Any) -> bool:
    return method.__module__ != _HOME or hasattr(method, "__wrapped__")


def client_for(found: Target, on_connect: Callable[[Any], None] | None = None) -> Client:
    """Return a client for what a URL leads to; `on_connect` takes the first steps on each new connection."""
    if found.topology is Topology.SENTINEL:
        return _behind_sentinels(found, on_connect)
    if found.topology is not Topology.ONE_SERVER:
        raise ImproperlyConfigured(f"A {found.topology} cannot be used yet: name one server.")
    return connect(found.url_of(*found.nodes[0]), on_connect)


def _behind_sentinels(found: Target, on_connect: Callable[[Any], None] | None) -> Client:
    url = found.url_of(*found.nodes[0])  # for all that is in it but the address
    parts = {name: value for name, value in parse_url(url).items() if name not in ("host", "port", "connection_class")}
    retries = {"retry": Retry(NoBackoff(), 0), "redis_connect_func": on_connect, "ssl": found.uses_tls}
    pool = pool_of(Sentinels(found, connect), parts | _options(url) | retries)
    return _with_old_values(Client.from_pool(pool))


def connect(url: str, on_connect: Callable[[Any], None] | None = None) -> Client:
    """Return a client for one server with explicit timeouts (seconds), no retries and a bounded pool.

    No command is sent a second time: the first, held up somewhere, could arrive after the second was acknowledged and
    after a newer write by somebody else. A connection that the server has closed is noticed before anything is sent.
    """
    client = Client.from_url(url, retry=Retry(NoBackoff(), 0), redis_connect_func=on_connect, **_options(url))
    return _with_old_values(client)


def _with_old_values(client: Any) -> Client:
    # redis-py makes False of the old value that SET … NX GET answers with; a lease must see what stands there.
    client.set_response_callback("SET", lambda answer, **options: answer)
    found: Client = client
    return found


def connect_in_a_loop(url: str, on_connect: Callable[[Any], Awaitable[None]]) -> asyncio.Redis:
    """Return the same for an event loop: connections belong to the loop that opens them."""
    options = {"retry": AsyncRetry(NoBackoff(), 0), "redis_connect_func": on_connect, **_options(url)}
    client: asyncio.Redis = asyncio.Redis.from_url(url, **options)
    return client


def pack_in_c(connection: Any) -> None:
    """Let hiredis, if it is there, pack what a connection of an event loop sends, as it does for those of threads."""
    if HIREDIS_AVAILABLE:
        connection.pack_command = HiredisRespSerializer().pack


def _options(url: str) -> dict[str, Any]:
    conf.refuse_invalid_connection()
    # A firewall between the two forgets a connection on which nothing is sent for long; a socket file has none.
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": conf.get_valid("KEEPALIVE")}
    return {
        "socket_connect_timeout": conf.get_valid("CONNECT_TIMEOUT"),
        "socket_timeout": conf.get_valid("TIMEOUT"),
        "max_connections": conf.get_valid("POOL_SIZE"),
        **keepalive,
    }
