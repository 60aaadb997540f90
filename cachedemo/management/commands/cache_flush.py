import math
import signal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.operations import flusher, startup


class Command(OperatorCommand):
    help = "Flush what waits, once; with --loop until it is told to end, in the place of a Celery worker with beat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM or Ctrl-C; finishes its batch")
        parser.add_argument(
            "--pause", type=float, default=1.0, metavar="SECONDS", help="between two looks, if nothing waits (1)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["pause"] > 0:
            raise CommandError("--pause takes a number of seconds above 0.")
        if not registry.with_queue():
            raise CommandError("There is nothing to flush: no registered model has a queue.")
        try:
            if options["loop"]:
                return self.loop(options["pause"])
            if switched_off.said(self, "nothing is flushed"):
                return None
            for cache in registry.with_queue():
                while flusher.take_turn(cache):
                    pass
        except (CachedemoError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def loop(self, pause: float) -> None:
        startup.announce_all()
        stop = flusher.Stop()

        def end(number: int, frame: Any) -> None:
            stop.asked = True
            signal.signal(number, signal.SIG_DFL)  # the second one does not wait for the batch

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        off = switched_off.said(self, "nothing is flushed")
        queues = ", ".join(str(cache.queue) for cache in registry.with_queue())
        self.stdout.write(f"{'Idle' if off else f'Flushing {queues}'} until SIGTERM or Ctrl-C.")
        self.stdout.flush()
        if off:
            stop.wait(math.inf)  # a supervisor would start it again and again if it ended
        else:
            flusher.loop(stop, pause)
        self.stdout.write("Ended.")
