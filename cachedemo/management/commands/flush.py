from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush
from django.db import connections

from cachedemo import conf, registry
from cachedemo.exceptions import CachedemoError
from cachedemo.operations import emptied_tables
from cachedemo.servers import test_runs


class Command(flush.Command):
    help = f"{flush.Command.help} What is cached of the rows goes too, and what waits for them."

    def handle(self, **options: Any) -> None:
        # TransactionTestCase calls this after each test, and the keys of a test run are emptied elsewhere.
        if test_runs.is_test_environment() or not (conf.is_enabled() and registry.declared()):
            super().handle(**options)
            return
        try:
            caches = emptied_tables.concerned(options["database"])
            emptied_tables.drain(caches)
        except CachedemoError as error:
            raise CommandError(f"{str(error).rstrip('.')}. Nothing was deleted.") from error
        if self._empties(**options):
            try:
                emptied_tables.forget(caches)
            except CachedemoError as error:
                said = f"The tables are empty, and the cache is not: {str(error).rstrip('.')}. Run this again then."
                raise CommandError(said) from error

    def _empties(self, **options: Any) -> bool:
        """Do what Django does, and return whether that was not cancelled."""
        sent = set[str]()

        def note(execute: Any, sql: Any, *arguments: Any) -> Any:
            sent.add(str(sql).lstrip()[:8].upper().partition(" ")[0])
            return execute(sql, *arguments)

        with connections[options["database"]].execute_wrapper(note):
            super().handle(**options)
        return not sent.isdisjoint({"DELETE", "TRUNCATE"})
