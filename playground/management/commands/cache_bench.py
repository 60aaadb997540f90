import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cachedemo.exceptions import CachedemoError
from playground.bench.measurements import Sizes
from playground.bench.report import sections
from playground.bench.run import SOURCE_MS, Report, run

LONGEST = 300  # seconds
TELL = 0.2  # seconds between two events of the progress
STYLES = ("users/static/users/style.css", "playground/static/playground/playground.css")


class Command(BaseCommand):
    help = "Measure cold and warm reads, reads at several hit ratios, writes in each pattern, and the flush."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: to see that it works")
        parser.add_argument("--source-ms", type=float, default=SOURCE_MS, help="to the database and back (%(default)s)")
        parser.add_argument("--json", action="store_true", help="write the figures as JSON instead of tables")
        parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with charts too")
        parser.add_argument("--events", action="store_true", help="tell progress and figures as lines of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        self._parent = os.getppid()
        _end_in_order(signal.SIGTERM, signal.SIGHUP)
        if options["events"]:
            _end_in_order(signal.SIGALRM)
            signal.alarm(LONGEST)
        sizes = Sizes.quick() if options["quick"] else Sizes()
        try:
            report = self._run(sizes, options["source_ms"], options["events"])
        except (CachedemoError, TimeoutError) as error:
            raise CommandError(str(error)) from error
        if options["html"]:
            options["html"].write_text(_page(report), encoding="utf-8")
        if options["events"]:
            self._tell({"kind": "report", "report": report})
        elif options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self._draw(report)

    def _run(self, sizes: Sizes, source_ms: float, events: bool) -> Report:
        if events:
            return run(sizes, source_ms, self._teller())
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("")
            return run(
                sizes, source_ms, lambda what, done, of: bar.update(task, description=what, completed=done, total=of)
            )

    def _teller(self) -> Any:
        last = 0.0

        def tell(what: str, done: int, of: int) -> None:
            nonlocal last
            if time.monotonic() - last > TELL:
                last = time.monotonic()
                self._tell({"kind": "progress", "what": what, "done": done, "of": of})

        return tell

    def _tell(self, event: dict[str, Any]) -> None:
        if os.getppid() != self._parent:
            raise SystemExit("The process that started this measurement is gone.")
        self.stdout.write(json.dumps(event))
        self.stdout.flush()

    def _draw(self, report: Report) -> None:
        console = Console(file=self.stdout, width=None if self.stdout.isatty() else 120)  # type: ignore[arg-type]
        for section in sections(report):
            table = Table(*section.columns, title=section.title, caption=section.note, title_justify="left")
            for row in section.rows:
                table.add_row(*row)
            console.print(table)


def _end_in_order(*signals: signal.Signals) -> None:
    """Take the throwaway rows along when one of these signals comes. Only SIGKILL leaves them to the next sweep."""
    for number in signals:
        signal.signal(number, lambda *_: sys.exit(1))


def _page(report: Report) -> str:
    """Return a page that needs no other file."""
    styles = "\n".join((Path(settings.BASE_DIR) / file).read_text(encoding="utf-8") for file in STYLES)
    return render_to_string("playground/bench_report.html", {"sections": sections(report), "styles": styles})
