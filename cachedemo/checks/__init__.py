"""System checks: what is wrong with the settings, a registration or a server, and how to fix it.

`docs/installing.md` lists the ids. A check asks no server, but for those in `running.py` and `tables.py`. These have
Django's own tag for that, `database`, and so run with `check --database default` and before each `migrate`. `check
--deploy` leaves them out: none of Django's checks there asks a server, and it is run where an image is built and there
are none.
"""

from cachedemo.checks.beat import check_beat
from cachedemo.checks.constraints import check_constraints
from cachedemo.checks.fields import check_fields
from cachedemo.checks.keys import check_keys
from cachedemo.checks.managers import check_managers
from cachedemo.checks.own_sql import check_own_sql
from cachedemo.checks.running import check_databases, check_running_servers, check_versions
from cachedemo.checks.settings import (
    check_atomic_requests,
    check_htmx,
    check_models,
    check_one_alias_for_each_database,
    check_schemas,
    check_servers,
    check_values,
)
from cachedemo.checks.shared_redis import check_caches, check_celery, check_channel_layers, check_sessions
from cachedemo.checks.tables import check_shared_tables, check_tables

__all__ = [
    "check_atomic_requests",
    "check_beat",
    "check_caches",
    "check_celery",
    "check_channel_layers",
    "check_constraints",
    "check_databases",
    "check_fields",
    "check_htmx",
    "check_keys",
    "check_managers",
    "check_models",
    "check_one_alias_for_each_database",
    "check_own_sql",
    "check_running_servers",
    "check_schemas",
    "check_servers",
    "check_sessions",
    "check_shared_tables",
    "check_tables",
    "check_values",
    "check_versions",
]
