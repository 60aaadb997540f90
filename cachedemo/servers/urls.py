"""The URL of a server: what is wrong with it, in words that never repeat its password."""

import os
import re
from collections.abc import Mapping
from typing import Any

from cachedemo.servers import targets
from cachedemo.servers.targets import SENTINEL_OPTIONS, Target, Topology

EXAMPLE = "redis://localhost:6379/0"
_EXAMPLES = {
    Topology.ONE_SERVER: EXAMPLE,
    Topology.SENTINEL: "redis+sentinel://host1:26379,host2,host3/mymaster/0",
    Topology.CLUSTER: "redis+cluster://host1:6379,host2:6379",
}
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
_NO_URL = f"is no URL of a Redis server: write for example {EXAMPLE}"


def has_password(url: str) -> bool:
    """Say whether a password stands in a URL."""
    return "password=" in url or bool(re.match(r"[\w+]+://[^/@]*:[^@]+@", url))


def address(url: str) -> str:
    """Return host, port and database of a URL, without the password."""
    return url.rsplit("@", 1)[-1].split("://", 1)[-1].split("?", 1)[0]


def problem(url: str) -> str | None:
    """Return what is wrong with a URL, with the fix; continues "CACHEDEMO['CACHE_URL'] …". None if nothing is."""
    if not isinstance(url, str) or not re.match(r"[a-z+]+://", url):
        return _NO_URL
    # A password with one of these characters ends the host early, and its rest is taken for a path or options.
    user, _, _ = url.partition("://")[2].rpartition("@")
    if "#" in url or "/" in user or "?" in user:
        return f"cannot be read: {_ENCODED}"
    if "[" in user or "]" in user:
        return f"cannot be read: {_ENCODED}, and [ ] as %5B %5D"
    try:
        found = targets.target(url)
    except ValueError as error:
        return _NO_URL if "port" not in str(error) else f"names {error}: write for example {_example(url)}"
    return _problem_of_place(found) or _problem_of_options(found, found.options)


def _with_tls(found: Target) -> str:
    return "rediss" if found.topology is Topology.ONE_SERVER else f"rediss+{found.topology}"


def _example(url: str) -> str:
    return next((each for kind, each in _EXAMPLES.items() if f"+{kind}:" in url), EXAMPLE)


def _problem_of_place(found: Target) -> str | None:
    if found.scheme == "unix" and not found.path:
        return "names no socket: write for example unix:///run/redis.sock?db=0"
    if found.topology is Topology.ONE_SERVER and len(found.nodes) > 1:
        return f"names several servers: begin it with {found.scheme}+cluster:// or {found.scheme}+sentinel://"
    if found.topology is Topology.SENTINEL and not found.service:
        return f"does not say which primary the sentinels are asked for: write for example {_EXAMPLES[found.topology]}"
    try:
        number = found.database
    except ValueError:
        return "names a database that is no number: end it with /0, /1 and so on"
    if found.topology is Topology.CLUSTER and number:
        return f"names database {number}, but a cluster has only one: leave the number out"
    return None


def problem_of_setting(url: str, options: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the setting beside a URL; continues "CACHEDEMO['CACHE_OPTIONS'] …"."""
    if "db" in options:
        return "has the option 'db': end the URL with the number of the database instead"
    return _problem_of_options(targets.target(url), options)


def _problem_of_options(found: Target, options: Mapping[str, Any]) -> str | None:
    known = (*OPTIONS, *TLS_OPTIONS, *(SENTINEL_OPTIONS if found.topology is Topology.SENTINEL else ()))
    for name in options:
        if name in _SETTINGS:
            return f"has the option {name}: set CACHEDEMO[{_SETTINGS[name]!r}] instead"
        if name.startswith("ssl_") and not found.uses_tls:
            return f"has the option {name} but asks for no TLS: begin it with {_with_tls(found)}://"
        if name not in known:
            return f"has the option {name!r}, which is none of {', '.join(known)}: leave it out"
    if options.get("ssl_cert_reqs", CERT_REQS[0]) not in CERT_REQS:
        return f"has the option ssl_cert_reqs, which must be one of {', '.join(CERT_REQS)}"
    for name in TLS_FILES:
        if name in options and not os.access(options[name], os.R_OK):
            return f"has the option {name}, which names no file that can be read here: correct the path"
    return None
