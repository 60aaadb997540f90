"""The faults of a database server: a SQLite file has neither a network nor sessions."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.environment import Environment
from tests.faults import injectors
from tests.faults.moments import Fault, Moments
from tests.faults.proxy import Proxy


class Source:
    """A database server, with a proxy before it."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        port = urlsplit(environment.database_url).port
        assert port
        self.network = Proxy(port)
        self.url = environment.database_url.replace(f":{port}/", f":{self.network.port}/")

    def close(self) -> None:
        self.network.close()

    def faults(self, moments: Moments) -> dict[str, Fault]:
        """Return what can happen to it, by name."""

        def bad(fault: str) -> Callable[[], None]:
            return lambda: injectors.bad_network(self.network, fault, moments.a_while)

        return {
            "source: slow network": Fault(bad("latency")),
            "source: connections cut": Fault(bad("reset")),
            "source: answers cut off": Fault(bad("reset after")),
            "source: black hole": Fault(bad("black hole")),
            "source: sessions ended": Fault(self._end_sessions),
        }

    def _end_sessions(self) -> None:
        if self.environment.mariadb:
            self._end_sessions_of_mariadb()
        else:
            self._end_sessions_of_postgresql()

    def _end_sessions_of_postgresql(self) -> None:
        import psycopg

        assert self.environment.postgres
        with psycopg.connect(self.environment.postgres.url()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )

    def _end_sessions_of_mariadb(self) -> None:
        import pymysql

        server: Any = self.environment.mariadb
        with pymysql.connect(host="127.0.0.1", port=server.port, user="root") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = 'tests'")
            for (session,) in cursor.fetchall():
                cursor.execute(f"KILL {session}")
