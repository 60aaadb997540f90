"""A client for a URL: timeouts, no retries, a bounded pool; and where a URL leads."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT = 0.5  # seconds
SOCKET_TIMEOUT = 1.0  # seconds
POOL_SIZE = 100  # connections a process may open to one server; a request beyond it is told so at once

EXAMPLE = "Write for example redis://localhost:6379/0."


def connect(url: str) -> redis.Redis:
    """Return a client for `url` with explicit timeouts (seconds), no retries and a bounded pool.

    No command is sent a second time: the first, held up somewhere, could arrive after the second was acknowledged and
    after a newer write by somebody else. A connection that the server has closed is noticed before anything is sent.
    """
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


def address(url: str) -> str:
    """Return host, port and database of a URL, without the password."""
    return url.rsplit("@", 1)[-1].split("://", 1)[-1].split("?", 1)[0]
