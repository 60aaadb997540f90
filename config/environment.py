"""What the settings take from the environment: every name, its default, and a sentence for whatever is wrong."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "SECRET_KEY": "",
    "DEBUG": False,
    "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
    "CSRF_TRUSTED_ORIGINS": [],
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "CACHEDEMO_CACHE_URL": "",
    "CACHEDEMO_QUEUE_URL": "",
    "CELERY_BROKER_URL": "",
    "SOURCE_LATENCY_MS": 0,
    "OPEN_ACCESS": False,
    "HTTPS": False,
    "CACHEDEMO_STRICT_READS": True,
    "CACHEDEMO_ALLOW_FLUSHDB": False,
    "CACHEDEMO_READ_ONLY": False,
    "CACHEDEMO_METRICS_FOR": ["127.0.0.0/8", "::1"],
    "CACHEDEMO_METRICS_TOKEN": "",
    "CACHEDEMO_VAR": "var",
    "LOG_LEVEL": "INFO",
}
DEVELOPMENT_SECRET = "django-insecure-for-development-only"
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
# On one server, each role has a database of its own, so that FLUSHDB on the cache can never lose a write.
REDIS_DATABASES = {"CACHEDEMO_CACHE_URL": 0, "CACHEDEMO_QUEUE_URL": 1, "CELERY_BROKER_URL": 2}

_FALSE = ("false", "off", "no", "n", "0")
_env = environ.Env()


def read(name: str) -> Any:
    """Return the setting `name` as the type of its default; what is unset or empty is the default."""
    default = DEFAULTS[name]
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if isinstance(default, bool):
        return _truth(name, text)
    if isinstance(default, int):
        return _whole_number(name, text)
    return [part.strip() for part in _env.list(name)] if isinstance(default, list) else text


def _truth(name: str, text: str) -> bool:
    if text.lower() in environ.Env.BOOLEAN_TRUE_STRINGS:
        return True
    if text.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}: write True or False.")


def _whole_number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{name} is {text!r}: write a whole number, for example {DEFAULTS[name]}.")
    return int(text)


def secret_key(debug: bool) -> str:
    """Return the secret that signs sessions; only under DEBUG may it be one that everybody knows."""
    if key := read("SECRET_KEY"):
        return key
    if debug:
        return DEVELOPMENT_SECRET
    raise ImproperlyConfigured(
        "SECRET_KEY is not set: set it to a long random string, or copy .env.example to .env for development."
    )


def log_level() -> str:
    level = read("LOG_LEVEL").upper()
    if level not in LOG_LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL is {level!r}: write one of {', '.join(LOG_LEVELS)}.")
    return level


def writable_folder(path: Path) -> Path:
    """Return `path`, made if it is not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder {path} cannot be made ({error.strerror}): set CACHEDEMO_VAR to one that can."
        ) from error
    return path


def redis_urls() -> dict[str, str]:
    """Return the URL of the cache, the queue and the broker: each one's own setting, or a database of REDIS_URL."""
    urls = {name: read(name) or _database_of_redis_url(name) for name in REDIS_DATABASES}
    for name in ("CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL"):
        _check_redis_url(name, urls[name])
    _check_distinct(urls)
    return urls


def _database_of_redis_url(name: str) -> str:
    url = read("REDIS_URL")
    if not url:
        raise ImproperlyConfigured(
            f"{name} is not set: start a Redis server and set REDIS_URL=redis://127.0.0.1:6379, which fills it "
            "(`make demo` brings servers of its own)."
        )
    _check_redis_url("REDIS_URL", url)
    if urlsplit(url).path not in ("", "/", "/0"):
        raise ImproperlyConfigured(
            f"REDIS_URL names a database, but it stands for three of them: leave the number out, or set "
            f"{', '.join(REDIS_DATABASES)} instead."
        )
    return on_database(url, REDIS_DATABASES[name])


def on_database(url: str, number: int) -> str:
    """Return a redis:// URL with the database number replaced."""
    return urlsplit(url)._replace(path=f"/{number}").geturl()


def _check_redis_url(name: str, url: str) -> None:
    # The URL itself may hold a password, so no message repeats it.
    fix = "write it like redis://:password@127.0.0.1:6379/0"
    if name == "REDIS_URL":
        fix = "write it like redis://:password@127.0.0.1:6379"
    try:
        parts = urlsplit(url)
        usable = _names_a_server(parts)
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(
            f"{name} is no URL of a Redis server: {fix}, and # / ? @ in the password as %23 %2F %3F %40."
        )


def _names_a_server(parts: SplitResult) -> bool:
    if parts.scheme == "unix":
        return bool(parts.path)
    database = parts.path.strip("/")
    # `.port` raises ValueError where the port is no number.
    return (
        parts.scheme in ("redis", "rediss")
        and bool(parts.hostname)
        and (parts.port or 1) > 0
        and (not database or database.isdecimal())
    )


def _check_distinct(urls: dict[str, str]) -> None:
    seen: dict[tuple[Any, ...], str] = {}
    for name, url in urls.items():
        place = _place(url)
        if place in seen:
            raise ImproperlyConfigured(
                f"{seen[place]} and {name} name the same database: give each a number of its own, as in /0, /1, /2."
            )
        seen[place] = name


def _place(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss"):
        return (url,)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    return host, parts.port or 6379, int(parts.path.strip("/") or 0)
