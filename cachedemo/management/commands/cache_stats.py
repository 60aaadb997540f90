from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.operations import summary

WIDTH = 120  # columns, where no terminal says how many it has


class Command(OperatorCommand):
    when_stopped = "Nothing was changed."
    help = "Show what was read and flushed lately, and what waits, by all processes together."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--minutes", type=int, default=60, metavar="N", help="look back so far, 1440 at most (60)")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        minutes = options["minutes"]
        if not 1 <= minutes <= summary.MOST_MINUTES:
            raise CommandError(f"--minutes takes a number from 1 to {summary.MOST_MINUTES}.")
        if switched_off.said(self, "nothing is counted"):
            return
        try:
            found = summary.look(minutes)
        except CachedemoError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.write_json(found._asdict() | {"queues": [each._asdict() for each in found.queues]})
            return
        ratio = "nothing was read" if found.hit_ratio is None else f"{found.hit_ratio:.1%} from the cache"
        last = "minute" if minutes == 1 else f"{minutes} minutes"
        self.stdout.write(
            f"Last {last}: {found.reads} reads, {ratio}; {found.flushed} rows flushed in {found.batches} batches, "
            f"{found.lag_seconds:.1f} s after the oldest of a batch was written; {found.retries} retries."
        )
        heads = ("queue", "waiting", "oldest (s)", "dead letters", "owed", "")
        rows = [
            (
                each.name,
                str(each.waiting),
                f"{each.oldest_seconds:.1f}",
                str(each.dead_letters),
                str(each.owed),
                each.note,
            )
            for each in found.queues
        ]
        if rows:
            self.stdout.write(terminal.table(heads, rows, None if self.stdout.isatty() else WIDTH))
