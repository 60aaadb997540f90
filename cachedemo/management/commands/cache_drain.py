from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off
from cachedemo.plurals import counted


class Command(BaseCommand):
    help = "Flush until no acknowledged write waits for the database; dead letters stay and are counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="give up after so long (default: never)")

    def handle(self, *args: Any, **options: Any) -> None:
        if switched_off.said(self, "nothing is flushed"):
            return
        for cache in registry.with_queue():
            try:
                rows = cache.drain(options["timeout"])
                dead = cache.table.queue.dead_count()
            except (CachedemoError, TimeoutError) as error:
                raise CommandError(str(error)) from error
            letters = f", {counted(dead, 'dead letter')} still there" if dead else ""
            self.stdout.write(f"{cache.queue}: {counted(rows, 'row')} flushed{letters}.")
