"""`manage.py demo`: two servers, database, worker, beat and web, looked after until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from demo.errors import DemoFailed


class Command(BaseCommand):
    help = "Runs everything on this machine: two servers, database, worker, beat and web; Ctrl-C stops it in order."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="the port, or the next free one (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        from demo.run import Demo

        try:
            Demo(options["host"], options["port"]).run()
        except DemoFailed as error:
            raise SystemExit(str(error)) from error
