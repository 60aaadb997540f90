from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.plurals import counted
from cachedemo.protocol import flush


class Command(OperatorCommand):
    when_stopped = "What was flushed is in the database; the rest waits, a batch under way for its deadline."
    help = "Flush until no acknowledged write waits for the database; dead letters stay and are counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="give up after so long (default: never)")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if switched_off.said(self, "nothing is flushed"):
            return
        found = []
        for cache in registry.with_queue():
            try:
                with terminal.progress(str(cache.queue), None) as show:
                    rows = flush.drain(cache.table, options["timeout"], show)
                dead = cache.table.queue.dead_count()
            except (CachedemoError, TimeoutError) as error:
                raise CommandError(str(error)) from error
            if options["json"]:
                found.append({"queue": cache.queue, "flushed": rows, "dead_letters": dead})
                continue
            letters = f", {counted(dead, 'dead letter')} still there" if dead else ""
            self.stdout.write(f"{cache.queue}: {counted(rows, 'row')} flushed{letters}.")
        if options["json"]:
            self.write_json(found)
