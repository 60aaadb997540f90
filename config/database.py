"""DATABASE_URL as Django wants it, with timeouts shorter than the lease of a cache slot."""

import contextlib
import importlib.util
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

# A statement must be over before the lease or the mark that covers it runs out (15 s).
TIMEOUT = 10  # seconds
SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
MYSQL = "django.db.backends.mysql"
KNOWN = (SQLITE, POSTGRESQL, MYSQL)
SHAPES = (
    "write sqlite:///var/db.sqlite3, postgres://user:password@host:5432/name or mysql://user:password@host:3306/name."
)
PGBOUNCER = "pgbouncer"
LEVELS = {"read-committed": 2, "repeatable-read": 3, "serializable": 4}  # as psycopg numbers them
LOCK_TIMEOUT = 5  # seconds; MariaDB and MySQL would wait 50


def database(url: str, base: Path, var: Path, pool: str = "") -> dict[str, Any]:
    """Return the entry of DATABASES for `url`; without one, a SQLite file in `var`.

    Args:
        pool: how many connections a pool in each process has at most; or PGBOUNCER, in transaction mode; or nothing.
    """
    config: dict[str, Any] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    config |= _parse(url) if url else {"ENGINE": SQLITE, "NAME": str(var / "db.sqlite3")}
    options = {SQLITE: _sqlite_options, POSTGRESQL: _postgresql_options, MYSQL: _mysql_options}[config["ENGINE"]]()
    config["OPTIONS"] = options | config.get("OPTIONS", {})
    _read_isolation_level(config)
    if pool:
        _use_pool(config, pool.lower())
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
    if config.get("ENGINE") not in KNOWN:
        # The URL may hold a password, so the message names its beginning only.
        raise ImproperlyConfigured(f"DATABASE_URL begins with {url.split(':')[0]!r} and cannot be read: {SHAPES}")
    if config["ENGINE"] != SQLITE and not urlsplit(url).path.strip("/"):
        raise ImproperlyConfigured(f"DATABASE_URL names no database: {SHAPES}")
    return config


def _read_isolation_level(config: dict[str, Any]) -> None:
    """Django wants MySQL's level in words and PostgreSQL's as a number; a URL has words."""
    level = str(config["OPTIONS"].get("isolation_level", ""))
    if config["ENGINE"] == POSTGRESQL and level:
        if level.lower() not in LEVELS:
            raise ImproperlyConfigured(f"DATABASE_URL has isolation_level={level}: write one of {', '.join(LEVELS)}.")
        config["OPTIONS"]["isolation_level"] = LEVELS[level.lower()]


def _use_pool(config: dict[str, Any], pool: str) -> None:
    if config["ENGINE"] != POSTGRESQL:
        raise ImproperlyConfigured("DATABASE_POOL is for PostgreSQL: leave it out, or set DATABASE_URL=postgres://….")
    if pool == PGBOUNCER:
        # A connection is another one at each transaction, so nothing may be left on it: no cursor, no prepared
        # statement (Django's default), no setting. It takes no `options` either, so the role brings the timeout.
        config["DISABLE_SERVER_SIDE_CURSORS"] = True
        del config["OPTIONS"]["options"]
        return
    if not pool.isdecimal() or not int(pool):
        raise ImproperlyConfigured(f"DATABASE_POOL is {pool!r}: write a number of connections, or {PGBOUNCER}.")
    config["CONN_MAX_AGE"] = 0  # the pool keeps them
    config["OPTIONS"]["pool"] = {"min_size": 0, "max_size": int(pool), "timeout": TIMEOUT}


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


def _mysql_options() -> dict[str, Any]:
    """What the server's own timeouts cannot tell us, the driver's do. Takes PyMySQL where mysqlclient is missing."""
    if not importlib.util.find_spec("MySQLdb"):
        with contextlib.suppress(ImportError):  # then Django says what to install
            import_module("pymysql").install_as_MySQLdb()
    return {
        "charset": "utf8mb4",
        "connect_timeout": TIMEOUT,
        "read_timeout": TIMEOUT,
        "write_timeout": TIMEOUT,
        "init_command": f"SET sql_mode='STRICT_TRANS_TABLES', innodb_lock_wait_timeout={LOCK_TIMEOUT}",
    }


def _on_disk(name: str, base: Path) -> str:
    if name == ":memory:":
        return name
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # then SQLite says what is wrong, when it is asked
        path.touch(mode=0o600)  # it holds people's data; SQLite would let every account of the machine read it
    return str(path)
