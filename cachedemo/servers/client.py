"""A client for a URL: timeouts, no retries, a bounded pool."""

from collections.abc import Callable
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from cachedemo import conf
from cachedemo.servers.targets import Target, Topology


def client_for(found: Target, on_connect: Callable[[Any], None] | None = None) -> redis.Redis:
    """Return a client for what a URL leads to; `on_connect` takes the first steps on each new connection."""
    if found.topology is not Topology.ONE_SERVER:
        raise ImproperlyConfigured(f"A {found.topology} cannot be used yet: name one server.")
    return connect(found.url_of(*found.nodes[0]), on_connect)


def connect(url: str, on_connect: Callable[[Any], None] | None = None) -> redis.Redis:
    """Return a client for one server with explicit timeouts (seconds), no retries and a bounded pool.

    No command is sent a second time: the first, held up somewhere, could arrive after the second was acknowledged and
    after a newer write by somebody else. A connection that the server has closed is noticed before anything is sent.
    """
    # A firewall between the two forgets a connection on which nothing is sent for long; a socket file has none.
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": conf.get_valid("KEEPALIVE")}
    client = redis.Redis.from_url(
        url,
        socket_connect_timeout=conf.get_valid("CONNECT_TIMEOUT"),
        socket_timeout=conf.get_valid("TIMEOUT"),
        retry=Retry(NoBackoff(), 0),
        max_connections=conf.get_valid("POOL_SIZE"),
        redis_connect_func=on_connect,
        **keepalive,
    )
    # redis-py makes False of the old value that SET … NX GET answers with; a lease must see what stands there.
    client.set_response_callback("SET", lambda answer, **options: answer)
    return client
