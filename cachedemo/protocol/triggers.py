"""What in a table changes its rows besides what a write says, as the database's catalogue has it."""

import re

from django.db import connections

from cachedemo.protocol.cached_table import CachedTable

_OF_DELETIONS = re.compile(r"\bDELETE\s+ON\b", re.IGNORECASE)
_IN_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s COLLATE NOCASE"
_IN_POSTGRESQL = """
    WITH tables AS (SELECT to_regclass(%s) AS id UNION SELECT relid FROM pg_partition_tree(to_regclass(%s)))
    SELECT tgname FROM pg_trigger WHERE tgrelid IN (SELECT id FROM tables)
        AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 20 <> 0
    UNION SELECT rulename FROM pg_rewrite WHERE ev_class IN (SELECT id FROM tables)
        AND ev_enabled <> 'D' AND ev_type IN ('2', '3')"""  # in both: of INSERT or UPDATE
_IN_MYSQL = """
    SELECT trigger_name FROM information_schema.triggers
    WHERE event_object_schema = database() AND event_object_table = %s AND event_manipulation <> 'DELETE'
    UNION SELECT column_name FROM information_schema.columns
    WHERE table_schema = database() AND table_name = %s AND extra LIKE '%%on update%%'"""


def names(table: CachedTable) -> list[str]:
    """Return the names of its triggers, rules and columns that are ON UPDATE; not those of deletions.

    Raises:
        DatabaseError: it gives no answer.
    """
    connection = connections[table.using]
    name = table.model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_IN_SQLITE, [name])
            return sorted(each for each, sql in cursor.fetchall() if not _OF_DELETIONS.search(sql))
        if connection.vendor == "postgresql":
            cursor.execute(_IN_POSTGRESQL, [connection.ops.quote_name(name)] * 2)
        elif connection.vendor == "mysql":
            cursor.execute(_IN_MYSQL, [name, name])
        else:
            return []
        return sorted(each for (each,) in cursor.fetchall())
