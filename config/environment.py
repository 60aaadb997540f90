"""What the settings take from the environment: every name, its default, and a sentence for whatever is wrong."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from cachedemo.servers import targets, urls

DEFAULTS: dict[str, Any] = {
    "SECRET_KEY": "",
    "DEBUG": False,
    "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
    "CSRF_TRUSTED_ORIGINS": [],
    "DATABASE_URL": "",
    "DATABASE_POOL": "",
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
    found = {name: read(name) or _database_of_redis_url(name) for name in REDIS_DATABASES}
    for name in ("CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL"):
        _check_redis_url(name, found[name])
    _check_distinct(found)
    return found


def _database_of_redis_url(name: str) -> str:
    url = read("REDIS_URL")
    if not url:
        raise ImproperlyConfigured(
            f"{name} is not set: start a Redis server and set REDIS_URL=redis://127.0.0.1:6379, which fills it "
            "(`make demo` brings servers of its own)."
        )
    _check_redis_url("REDIS_URL", url)
    if "+" in urlsplit(url).scheme or urlsplit(url).path not in ("", "/", "/0"):
        raise ImproperlyConfigured(
            f"REDIS_URL names a database, a cluster or sentinels, but it stands for three databases of one server: "
            f"leave the number out, or set {', '.join(REDIS_DATABASES)} instead."
        )
    return on_database(url, REDIS_DATABASES[name])


def on_database(url: str, number: int) -> str:
    """Return a redis:// URL with the database number replaced."""
    return urlsplit(url)._replace(path=f"/{number}").geturl()


def _check_redis_url(name: str, url: str) -> None:
    if (wrong := urls.problem(url)) is not None:
        raise ImproperlyConfigured(f"{name} {wrong}.")


def _check_distinct(found: dict[str, str]) -> None:
    seen: dict[object, str] = {}
    for name, url in found.items():
        for place in targets.places(url) or {url}:
            if place in seen:
                raise ImproperlyConfigured(
                    f"{seen[place]} and {name} name the same database: give each a number of its own, as in /0, /1, /2."
                )
            seen[place] = name
