import sys
from contextlib import ExitStack, closing
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error

from cachedemo.exceptions import CachedemoError
from cachedemo.management import named_rows, switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.model_cache import ModelCache
from cachedemo.operations import switch
from cachedemo.plurals import counted
from cachedemo.protocol.chunks import CHUNK, in_chunks
from cachedemo.protocol.error_descriptions import describe
from cachedemo.servers.roles import CACHE


class Command(OperatorCommand):
    help = "Load rows into the cache that are not there; Ctrl-C keeps what is loaded."

    def add_arguments(self, parser: CommandParser) -> None:
        named_rows.add_arguments(parser, "every row of the database")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if switched_off.said(self, "nothing is loaded"):
            return
        cache = named_rows.cache_of(options)
        warmed = _Warmed()
        try:
            if cache.queue and (note := switch.standing(cache).note):
                self.stderr.write(f"{switch.words(cache.queue, note)} Nothing is loaded.")
                return
            for server in CACHE.servers():
                server.command("PING")  # reads do without a cache that is down, so nobody else would say so
            self.warm(cache, options["ids"], warmed)
        except (CachedemoError, CommandError) as error:
            raise CommandError(f"{str(error).rstrip('.')}. {warmed.words}") from error
        except Error as error:
            raise CommandError(f"The database: {describe(error)}. {warmed.words}") from error
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. {warmed.words}")
            sys.exit(130)
        if options["json"]:
            self.write_json({"model": cache.model._meta.label, "asked": warmed.asked, "loaded": warmed.there})
        else:
            self.stdout.write(warmed.words)
        if warmed.asked > warmed.there:
            sys.exit(1)

    def warm(self, cache: ModelCache, ids: list[str] | None, warmed: "_Warmed") -> None:
        """Load a thousand rows at a time."""
        with ExitStack() as stack:
            if ids is None:
                rows = cache.table.rows
                total: int | None = rows.count()
                keys: Any = rows.order_by("pk").values_list("pk", flat=True).iterator(CHUNK)
                chunks = in_chunks(stack.enter_context(closing(keys)))  # after Ctrl-C, before the connection is closed
            else:
                total, chunks = None if ids == ["-"] else len(ids), named_rows.named(cache, ids)
            show = stack.enter_context(terminal.progress(cache.model._meta.label, total))
            for chunk in chunks:
                there = cache.warm(chunk)
                warmed.asked, warmed.there = warmed.asked + len(chunk), warmed.there + there
                show(warmed.asked, total)


class _Warmed:
    asked = 0
    there = 0

    @property
    def words(self) -> str:
        gone = self.asked - self.there
        missing = f" {counted(gone, 'row')} asked for {'does' if gone == 1 else 'do'} not exist." if gone else ""
        return f"{counted(self.there, 'row')} loaded, or there already.{missing}"
