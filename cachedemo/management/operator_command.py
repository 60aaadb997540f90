"""What the operators' commands share: `--json`, and how they end where something comes between."""

import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from cachedemo.protocol.error_descriptions import describe
from cachedemo.servers import test_runs

INTERRUPTED = 130  # as a shell has it: 128, and the number of SIGINT
UNREAD = 141  # and that of SIGPIPE


class OperatorCommand(BaseCommand):
    """A command that may be stopped at any moment, and says what that leaves.

    Attributes:
        when_stopped: what it leaves, in a sentence.
    """

    when_stopped = "What was done stays done."

    def add_json(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="write what was found or done as JSON")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return self._execute(*args, **options)
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. {self.when_stopped}")
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # `| head` has seen enough; what Python itself still wants to write goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(UNREAD)
        except Error as error:
            raise CommandError(f"The database: {describe(error)}.") from error

    def _execute(self, *args: Any, **options: Any) -> str | None:
        test_runs.use_all_servers()
        try:
            return super().execute(*args, **options)
        finally:
            self.stdout.flush()

    def write_json(self, found: Any) -> None:
        """Write a result; what JSON has no word for, as text."""
        self.stdout.write(json.dumps(found, indent=2, default=str))
