"""The URL of a server: where it leads, and what is wrong with it, in words that never repeat its password."""

import os
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

import redis

EXAMPLE = "redis://localhost:6379/0"
SCHEMES = ("redis", "rediss", "unix")
OPTIONS = ("db", "username", "password", "client_name")
TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
TLS_OPTIONS = (*TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname", "ssl_password", "ssl_min_version", "ssl_ciphers")
CERT_REQS = ("none", "optional", "required")
_SETTINGS = {  # what an option of redis-py is a setting for, which holds for both servers
    "socket_timeout": "TIMEOUT",
    "timeout": "TIMEOUT",
    "socket_connect_timeout": "CONNECT_TIMEOUT",
    "max_connections": "POOL_SIZE",
    "socket_keepalive": "KEEPALIVE",
}
_ENCODED = "write # / ? @ in the password as %23 %2F %3F %40"


def place(url: str) -> tuple[str, int, int]:
    """Return where a URL leads: host or socket, port, and database. Raises ValueError if it is no Redis URL."""
    parts = redis.connection.parse_url(url)
    host = str(parts.get("path") or parts.get("host") or "localhost")
    return "localhost" if host in ("127.0.0.1", "::1") else host, parts.get("port", 6379), parts.get("db", 0)


def is_redis(url: str) -> bool:
    """Say whether a URL is one of a Redis server that can be read."""
    try:
        place(url)
    except ValueError:
        return False
    return True


def has_password(url: str) -> bool:
    """Say whether a password stands in a URL."""
    return "password=" in url or bool(re.match(r"\w+://[^/@]*:[^@]+@", url))


def address(url: str) -> str:
    """Return host, port and database of a URL, without the password."""
    return url.rsplit("@", 1)[-1].split("://", 1)[-1].split("?", 1)[0]


def problem(url: str) -> str | None:
    """Return what is wrong with a URL, with the fix; continues "CACHEDEMO['CACHE_URL'] …". None if nothing is."""
    if not isinstance(url, str) or url.partition("://")[0] not in SCHEMES:
        return f"is no URL of a Redis server: write for example {EXAMPLE}"
    try:
        parts = urlsplit(url)
    except ValueError:  # its words repeat a part of the URL
        return f"cannot be read: {_ENCODED}, and [ ] as %5B %5D"
    # A password with one of these characters ends the host early, and its rest is taken for a path or options.
    if "#" in url or "@" in parts.path + parts.query:
        return f"cannot be read: {_ENCODED}"
    options = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return _problem_of_place(parts, options) or _problem_of_options(parts.scheme, options)


def _problem_of_place(parts: SplitResult, options: Mapping[str, str]) -> str | None:
    try:
        reachable = parts.port is None or parts.port > 0
    except ValueError:
        reachable = False
    if not reachable:
        return f"names no port from 1 to 65535: write for example {EXAMPLE}"
    if parts.scheme == "unix" and not parts.path:
        return "names no socket: write for example unix:///run/redis.sock?db=0"
    database = options.get("db", "0" if parts.scheme == "unix" else parts.path.strip("/") or "0")
    return None if database.isdecimal() else "names a database that is no number: end it with /0, /1 and so on"


def _problem_of_options(scheme: str, options: Mapping[str, str]) -> str | None:
    for name in options:
        if name in _SETTINGS:
            return f"has the option {name}: set CACHEDEMO[{_SETTINGS[name]!r}] instead"
        if name.startswith("ssl_") and scheme != "rediss":
            return f"has the option {name} but asks for no TLS: begin it with rediss://"
        if name not in (*OPTIONS, *TLS_OPTIONS):
            return f"has the option {name!r}, which is none of {', '.join((*OPTIONS, *TLS_OPTIONS))}: leave it out"
    if options.get("ssl_cert_reqs", CERT_REQS[0]) not in CERT_REQS:
        return f"has the option ssl_cert_reqs, which must be one of {', '.join(CERT_REQS)}"
    for name in TLS_FILES:
        if name in options and not os.access(options[name], os.R_OK):
            return f"has the option {name}, which names no file that can be read here: correct the path"
    return None
