import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.model_cache import ModelCache
from cachedemo.operations import dead_letters
from cachedemo.plurals import counted

HEADS = ("queue", "pk", "since", "field", "waiting", "row", "error")
_PAST = {"list": "listed", "retry": "retried", "discard": "discarded"}
PIPED_WIDTH = 160  # columns, where no terminal says how many it has


class Command(OperatorCommand):
    help = "List the writes that the database has refused, retry them, or discard them for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", choices=["list", "retry", "discard"], default="list")
        parser.add_argument("pk", nargs="*", help="the rows to retry or discard")
        parser.add_argument("--all", action="store_true", help="retry or discard every dead letter")
        parser.add_argument(
            "--queue", help="one queue, for example flush:users (default: all for list, else the only one)"
        )
        parser.add_argument("--yes", action="store_true", help="discard without asking")
        self.add_json(parser)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "list" and switched_off.said(self, "nothing is listed"):
            return None
        switched_off.refuse(f"nothing can be {_PAST[action]}")
        try:
            caches = [registry.by_queue(options["queue"])] if options["queue"] else registry.with_queue()
            if action == "list":
                return self.show(caches, options["json"])
            self.act(action, self.only(caches), options)
        except CachedemoError as error:
            raise CommandError(str(error)) from error

    def show(self, caches: list[ModelCache], as_json: bool) -> None:
        """Print each letter with its error and the difference to the row."""
        found = [(cache, letter) for cache in caches for letter in dead_letters.letters(cache)]
        if as_json:
            self.write_json([{"queue": cache.queue, **_as_json(letter)} for cache, letter in found])
            return
        if not found:
            self.stdout.write("No dead letters.")
            return
        rows = []
        for cache, letter in found:
            since = datetime.datetime.fromtimestamp(letter.at).strftime("%Y-%m-%d %H:%M:%S")
            for number, row in enumerate(letter.differences or [dead_letters.Difference("", "?", "")]):
                head = ["", "", "", ""] if number else [str(cache.queue), letter.pk, since, letter.error]
                there = str(row.row) if letter.row_exists else "(no row)"
                rows.append([*head[:3], row.field, str(row.waiting), there, head[3]])
        width = None if self.stdout.isatty() else PIPED_WIDTH
        self.stdout.write(terminal.table(HEADS, rows, width))

    def only(self, caches: list[ModelCache]) -> ModelCache:
        if len(caches) != 1:
            names = ", ".join(str(cache.queue) for cache in caches)
            raise CommandError(f"Name one of the queues with --queue: {names}.")
        return caches[0]

    def act(self, action: str, cache: ModelCache, options: dict[str, Any]) -> None:
        """Retry or discard what is named; the dead letters stay as they are if the answer is no."""
        pks = list(cache.table.queue.dead()) if options["all"] else options["pk"]
        if not pks:
            if options["all"]:
                return self.done(options, action, 0, "No dead letters.")
            raise CommandError(f"Name the rows to {action}, or give --all.")
        dead_letters.check(cache, pks)
        if action == "retry":
            retried = dead_letters.retry(cache, pks)
            return self.done(options, action, retried, f"Back in the list: {counted(retried, 'dead letter')}.")
        if options["yes"] or self.agreed(cache, pks):
            discarded = dead_letters.discard(cache, pks)
            return self.done(options, action, discarded, f"{counted(discarded, 'dead letter')} discarded.")
        raise CommandError("Nothing was discarded.")

    def done(self, options: dict[str, Any], action: str, number: int, words: str) -> None:
        if options["json"]:
            self.write_json({_PAST[action]: number})
        else:
            self.stdout.write(words)

    def agreed(self, cache: ModelCache, pks: list[str]) -> bool:
        shown = ", ".join(pks[:10]) + (", …" if len(pks) > 10 else "")
        try:
            answer = input(
                f"Give up the refused writes of {counted(len(pks), 'row')} of {cache.queue} ({shown}) for good? [y/N] "
            )
        except EOFError:
            return False
        return answer.strip().lower() in ("y", "yes")


def _as_json(letter: dead_letters.DeadLetter) -> dict[str, Any]:
    fields = [difference._asdict() for difference in letter.differences]
    return {"pk": letter.pk, "at": letter.at, "error": letter.error, "row_exists": letter.row_exists, "fields": fields}
