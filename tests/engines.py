"""Which engines a run is on, by the same words for pytest and for `python -m tests.faults`; each must be installed."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cachedemo.embedded import binary
from tests import mariadb, pgbouncer
from tests.environment import Environment
from tests.faults.postgres import find

FLAGS = {
    "--cluster": "cache and queue on a Redis Cluster each",
    "--sentinel": "cache and queue behind sentinels",
    "--postgresql": "on a PostgreSQL of its own, not on SQLite",
    "--pooled": "the same, with Django's pool of connections",
    "--pgbouncer": "the same, behind PgBouncer in transaction mode",
    "--mariadb": "on a MariaDB of its own",
}
VALUES: dict[str, dict[str, Any]] = {
    "--isolation-level": {"metavar": "LEVEL", "help": "on PostgreSQL, at this level: 'repeatable read'"},
    "--server": {"metavar": "BINARY", "help": "the server to run as cache and queue: /usr/bin/redis-server"},
    "--shards": {"type": int, "metavar": "K", "help": "each queue begins in so many shards"},
}
_PACKAGES = "{} is not installed (Debian, Ubuntu: apt install {})."


class EngineMissing(Exception):
    """Raised when an engine is not installed; the message says how to get it."""


def add_options(add: Callable[..., Any]) -> None:
    """Add the options by `parser.addoption` or `parser.add_argument`."""
    for name, words in FLAGS.items():
        add(name, action="store_true", help=words)
    for name, about in VALUES.items():
        add(name, **about)


def words(chosen: argparse.Namespace) -> list[str]:
    """Return the options that another run needs to be on the same engines."""
    values = {name: getattr(chosen, name[2:].replace("-", "_")) for name in (*FLAGS, *VALUES)}
    return [name if value is True else f"{name}={value}" for name, value in values.items() if value]


def choose_engines(chosen: argparse.Namespace, environment: Environment) -> None:
    """Tell the environment what to start. Raises EngineMissing."""
    if chosen.server:
        binary._candidates = lambda: iter([Path(chosen.server)])
    if chosen.postgresql or chosen.isolation_level or chosen.pooled or chosen.pgbouncer:
        chosen.postgresql = True
        _need(find("initdb"), "PostgreSQL's server", "postgresql")
        environment.use_postgresql(chosen.isolation_level or "read committed")
    if chosen.pooled:
        environment.use_pool()
    if chosen.pgbouncer:
        _need(pgbouncer.find(), "PgBouncer", "pgbouncer")
        environment.use_pgbouncer()
    if chosen.mariadb:
        _need(mariadb.is_installed(), "MariaDB's server", "mariadb-server")
        environment.use_mariadb()
    if chosen.cluster:
        environment.use_clusters()
    if chosen.sentinel:
        environment.use_sentinels()


def _need(there: object, what: str, package: str) -> None:
    if not there:
        raise EngineMissing(_PACKAGES.format(what, package))
