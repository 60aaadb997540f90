"""The `CACHEDEMO` setting, read here and nowhere else, when it is needed and not at import."""

import ipaddress
import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "STRICT_READS": True,
    "SOURCE_LATENCY_MS": 0,
    "ALLOW_FLUSHDB": False,
    "READ_ONLY": False,
    "KEY_PREFIX": "",
    "TEST_ISOLATION": True,
    "ENABLED": True,
    "PATTERN": "cache-aside",  # to write in, where neither the call nor the registration names one
    "CONNECT_TIMEOUT": 0.5,  # seconds
    "TIMEOUT": 1.0,  # seconds that a command may take
    "POOL_SIZE": 100,  # connections a process may open to one server; a request beyond it is told so at once
    "KEEPALIVE": True,
    "CACHE_OPTIONS": {},  # what need not stand in the URL: username, password, files of TLS
    "QUEUE_OPTIONS": {},
    "BREAKER_FAILURES": 3,  # in a row, after which commands are refused at once
    "BREAKER_PAUSE": 0.5,  # seconds between two looks whether a server is back
    "NEAR_ENTRIES": 10_000,  # copies of rows in a process, of all registrations with `near`
    "NEAR_BYTES": 64 * 1024 * 1024,  # what they take, about
    "METRICS_FOR": ["127.0.0.0/8", "::1"],
    "METRICS_TOKEN": "",
}
_SECONDS = ("CONNECT_TIMEOUT", "TIMEOUT", "BREAKER_PAUSE")
_LONGEST = 86_400  # of these; beyond some value the system's own clock has no word for the end
_PATTERNS = ("cache-aside", "write-through", "write-behind")
_NUMBERS = ("POOL_SIZE", "BREAKER_FAILURES", "NEAR_ENTRIES", "NEAR_BYTES")
_OF_CONNECTION = ("CONNECT_TIMEOUT", "TIMEOUT", "POOL_SIZE", "KEEPALIVE", "BREAKER_FAILURES", "BREAKER_PAUSE")


_attribute = object.__getattribute__


def _configured() -> dict[str, Any]:
    """Return the setting as it is now, past Django's own `__getattribute__`: some of it is asked for by every read."""
    try:
        found: dict[str, Any] = _attribute(settings, "CACHEDEMO")
    except AttributeError:  # not asked for before, or another one since
        found = getattr(settings, "CACHEDEMO", {})
    return found


def is_enabled() -> bool:
    """Say whether the two servers are asked at all; if not, every call goes straight to the database."""
    return _switch("ENABLED", _configured())


def is_known_to_be_enabled() -> bool:
    """Say the same to a check: what is neither True nor False is told by another one."""
    return problem("ENABLED") is None and is_enabled()


def _switch(name: str, configured: dict[str, Any]) -> bool:
    """Return what is True or False. Raises ImproperlyConfigured for all else: the text "False" would count as true."""
    value: bool = configured.get(name, DEFAULTS[name])
    if value is not True and value is not False:
        raise ImproperlyConfigured(problem(name))
    return value


def prefix_if_enabled() -> str | None:
    """Return what the project wants before every key; None if the servers are not asked."""
    try:
        configured = _attribute(settings, "CACHEDEMO")
    except AttributeError:
        configured = _configured()
    enabled = configured.get("ENABLED", True)
    return configured.get("KEY_PREFIX", "") if enabled is True or _switch("ENABLED", configured) else None


def key_prefix() -> str:
    """Return what the project wants before every key."""
    prefix: str = getattr(settings, "CACHEDEMO", {}).get("KEY_PREFIX", "")  # asked for as often
    return prefix


def of_connection(role: str) -> list[Any]:
    """Return what a connection depends on.

    Args:
        role: "cache" or "queue".
    """
    configured, role = getattr(settings, "CACHEDEMO", {}), role.upper()
    names = (f"{role}_URL", f"{role}_OPTIONS", *_OF_CONNECTION)
    return [configured.get(name, DEFAULTS.get(name)) for name in names]


def get(name: str) -> Any:
    """Return one entry of the `CACHEDEMO` dict, or its default.

    Raises:
        ImproperlyConfigured: the entry has no default (`CACHE_URL`, `QUEUE_URL`) and is missing; or it is to be True or
            False and is something else.
    """
    configured = getattr(settings, "CACHEDEMO", {})
    if type(DEFAULTS.get(name)) is bool:
        return _switch(name, configured)
    value = configured.get(name, DEFAULTS.get(name))
    if value is None:
        raise ImproperlyConfigured(
            f"CACHEDEMO['{name}'] is not set: name a server, for example redis://localhost:6379/0."
        )
    return value


def refuse_what_is_no_dict() -> None:
    """Raise ImproperlyConfigured where the setting itself is something else; what it says instead may be a secret."""
    if not isinstance(configured := getattr(settings, "CACHEDEMO", {}), dict):
        raise ImproperlyConfigured(
            f"CACHEDEMO is of type {type(configured).__name__}: write a dict, for example "
            "{'CACHE_URL': 'redis://localhost:6379/0', 'QUEUE_URL': 'redis://localhost:6380/0'}."
        )


def refuse_invalid_connection() -> None:
    """Raise ImproperlyConfigured for what would only be looked at once a server is away, among the rest."""
    for name in _OF_CONNECTION:
        get_valid(name)


def get_valid(name: str) -> Any:
    """Return the same, where a wrong value would only show as an error of somebody else's.

    Raises:
        ImproperlyConfigured: the value is invalid, with what it may be.
    """
    if (wrong := problem(name)) is not None:
        raise ImproperlyConfigured(wrong)
    return get(name)


def problem(name: str) -> str | None:
    """Return what is wrong with the value of an entry, and what it may be; None if nothing is."""
    value = getattr(settings, "CACHEDEMO", {}).get(name, DEFAULTS[name])
    if name in _SECONDS and not (type(value) in (int, float) and 0 < value <= _LONGEST):
        return f"CACHEDEMO['{name}'] is {value!r}: write a number of seconds above 0, for example {DEFAULTS[name]}."
    if name == "SOURCE_LATENCY_MS" and not (type(value) in (int, float) and 0 <= value <= _LONGEST * 1000):
        return f"CACHEDEMO['{name}'] is {value!r}: write a number of milliseconds from 0 on."
    if name in _NUMBERS and not (type(value) is int and value >= 1):
        return f"CACHEDEMO['{name}'] is {value!r}: write a whole number from 1 on, for example {DEFAULTS[name]}."
    if type(DEFAULTS[name]) is bool and type(value) is not bool:
        return f"CACHEDEMO['{name}'] is {value!r}: write True or False."
    if name == "KEY_PREFIX" and not (isinstance(value, str) and re.fullmatch(r"[\w.:-]*", value)):
        return f"CACHEDEMO['{name}'] is {value!r}: write letters, digits and . _ : - only, for example 'staging-'."
    if name == "PATTERN" and value not in _PATTERNS:
        return f"CACHEDEMO['{name}'] is {value!r}: write one of {', '.join(_PATTERNS)}."
    if name == "METRICS_FOR" and not _are_networks(value):
        return f"CACHEDEMO['{name}'] is {value!r}: write a list of networks, for example ['10.0.0.0/8']."
    if type(DEFAULTS[name]) is dict and not (isinstance(value, dict) and all(isinstance(each, str) for each in value)):
        return f"CACHEDEMO['{name}'] is no dict: write for example {{'password': …}}."
    if name == "METRICS_TOKEN" and not isinstance(value, str):
        return f"CACHEDEMO['{name}'] is no text: write a long random one."
    return None


def _are_networks(value: Any) -> bool:
    try:
        return isinstance(value, list | tuple) and all(ipaddress.ip_network(each, strict=False) for each in value)
    except ValueError:
        return False
