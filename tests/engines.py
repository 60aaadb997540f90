"""Which engines pytest's options name, for the whole run; each must be installed."""

from pathlib import Path

import pytest

from cachedemo.embedded import binary
from tests import mariadb, pgbouncer
from tests.environment import Environment
from tests.faults.postgres import find

_PACKAGES = "{} is not installed (Debian, Ubuntu: apt install {})."


def choose_engines(config: pytest.Config, environment: Environment) -> None:
    """Tell the environment what to start."""
    level = config.getoption("isolation_level")
    if server := config.getoption("server"):
        binary._candidates = lambda: iter([Path(server)])
    if config.getoption("postgresql") or level or config.getoption("pooled") or config.getoption("pgbouncer"):
        config.option.postgresql = True
        _need(find("initdb"), "PostgreSQL's server", "postgresql")
        environment.use_postgresql(level or "read committed")
    if config.getoption("pooled"):
        environment.use_pool()
    if config.getoption("pgbouncer"):
        _need(pgbouncer.find(), "PgBouncer", "pgbouncer")
        environment.use_pgbouncer()
    if config.getoption("mariadb"):
        _need(mariadb.is_installed(), "MariaDB's server", "mariadb-server")
        environment.use_mariadb()
    if config.getoption("cluster"):
        environment.use_clusters()
    if config.getoption("sentinel"):
        environment.use_sentinels()


def _need(there: object, what: str, package: str) -> None:
    if not there:
        pytest.exit(_PACKAGES.format(what, package), returncode=1)
