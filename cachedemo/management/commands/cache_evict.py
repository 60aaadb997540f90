import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo.exceptions import CachedemoError
from cachedemo.management import named_rows, switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.model_cache import ModelCache
from cachedemo.operations import cached_rows
from cachedemo.plurals import counted
from cachedemo.protocol import owed
from cachedemo.protocol.chunks import in_chunks


class Command(OperatorCommand):
    help = "Empty the slots of rows in every live version, after a change that went past cachedemo."

    def add_arguments(self, parser: CommandParser) -> None:
        named_rows.add_arguments(parser, "every row that has a slot, in whatever version")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        switched_off.refuse("nothing can be emptied")
        cache, done, left = named_rows.cache_of(options), 0, 0
        ids = options["ids"]
        total = None if ids is None or ids == ["-"] else len(ids)
        try:
            chunks = in_chunks(cached_rows.in_all_versions(cache)) if ids is None else named_rows.named(cache, ids)
            with terminal.progress(cache.model._meta.label, total) as show:
                for chunk in chunks:
                    unreached = owed.empty_slots(cache.table, cache.table.find_pks(chunk))
                    done, left = done + len(chunk) - unreached, left + unreached
                    show(done + left, total)
        except (CachedemoError, CommandError) as error:
            raise CommandError(f"{str(error).rstrip('.')}. {self.words(cache, done, left)}") from error
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. {self.words(cache, done, left)}")
            sys.exit(130)
        if options["json"]:
            self.write_json({"model": cache.model._meta.label, "emptied": done, "owed": left})
        else:
            self.stdout.write(self.words(cache, done, left))
        if left and cache.queue is None:
            sys.exit(1)

    def words(self, cache: ModelCache, done: int, left: int) -> str:
        words = f"The slots of {counted(done, 'row')} are empty."
        if not left:
            return words
        later = "they are as they were" if cache.queue is None else "a flush empties them once it does"
        return f"{words} The cache does not answer for {counted(left, 'row')}: {later}."
