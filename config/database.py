"""DATABASE_URL as Django wants it, with timeouts shorter than the lease of a cache slot."""

import contextlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

# A statement must be over before the lease or the mark that covers it runs out (15 s).
TIMEOUT = 10  # seconds
SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"


def database(url: str, base: Path, var: Path) -> dict[str, Any]:
    """Return the entry of DATABASES for `url`; without one, a SQLite file in `var`."""
    config: dict[str, Any] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    config |= _parse(url) if url else {"ENGINE": SQLITE, "NAME": str(var / "db.sqlite3")}
    options = _sqlite_options() if config["ENGINE"] == SQLITE else _postgresql_options()
    config["OPTIONS"] = options | config.get("OPTIONS", {})
    if config["ENGINE"] == SQLITE:
        config["NAME"] = _on_disk(config["NAME"], base)
        # A file, for the tests use several processes.
        config["TEST"] = {"NAME": str(var / "test.sqlite3")}
    return config


def _parse(url: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:
        config = {}
    if config.get("ENGINE") not in (SQLITE, POSTGRESQL):
        # The URL may hold a password, so the message names its beginning only.
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {url.split(':')[0]!r} and cannot be read: write sqlite:///var/db.sqlite3 or "
            "postgres://user:password@host:5432/name."
        )
    if config["ENGINE"] == POSTGRESQL and not urlsplit(url).path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL names no database: write postgres://user:password@host:5432/name.")
    return config


def _sqlite_options() -> dict[str, Any]:
    """Writers queue up for the lock instead of failing: a deferred read-then-write fails whatever the timeout."""
    return {"timeout": TIMEOUT, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"}


def _postgresql_options() -> dict[str, Any]:
    """A server that is gone without a word is noticed in time too: the server's own timeout cannot tell us."""
    return {
        "connect_timeout": TIMEOUT,
        "options": f"-c statement_timeout={TIMEOUT * 1000}",
        "tcp_user_timeout": TIMEOUT * 1000,
        "keepalives_idle": TIMEOUT // 2,
        "keepalives_interval": 1,
        "keepalives_count": TIMEOUT // 2,
    }


def _on_disk(name: str, base: Path) -> str:
    if name == ":memory:":
        return name
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # then SQLite says what is wrong, when it is asked
        path.touch(mode=0o600)  # it holds people's data; SQLite would let every account of the machine read it
    return str(path)
