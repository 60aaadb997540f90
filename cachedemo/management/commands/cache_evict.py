import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo.exceptions import CachedemoError
from cachedemo.management import named_rows, switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.operations import cached_rows
from cachedemo.plurals import counted
from cachedemo.protocol.chunks import in_chunks


class Command(OperatorCommand):
    help = "Empty the slots of rows in every live version, after a change that went past cachedemo."

    def add_arguments(self, parser: CommandParser) -> None:
        named_rows.add_arguments(parser, "every row that has a slot, in whatever version")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        switched_off.refuse("nothing can be emptied")
        cache, done = named_rows.cache_of(options), 0
        ids = options["ids"]
        total = None if ids is None or ids == ["-"] else len(ids)
        try:
            chunks = in_chunks(cached_rows.in_all_versions(cache)) if ids is None else named_rows.named(cache, ids)
            with terminal.progress(cache.model._meta.label, total) as show:
                for chunk in chunks:
                    cache.evict(chunk)
                    done += len(chunk)
                    show(done, total)
        except CachedemoError as error:
            raise CommandError(f"{error} {self.words(done)}") from error
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. {self.words(done)}")
            sys.exit(130)
        if options["json"]:
            self.write_json({"model": cache.model._meta.label, "emptied": done})
        else:
            self.stdout.write(self.words(done))

    def words(self, done: int) -> str:
        return f"The slots of {counted(done, 'row')} are empty."
