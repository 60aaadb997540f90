import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.model_cache import ModelCache
from cachedemo.operations import audit
from cachedemo.plurals import counted

SHOWN = 20


class Command(OperatorCommand):
    help = "Compare what is cached with the database; ends with 1 if it finds drift that is not repaired."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sample", type=int, metavar="N", help="N slots at random (default: all of them)")
        parser.add_argument("--repair", action="store_true", help="empty the slots that disagree")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sample"] is not None and options["sample"] < 1:
            raise CommandError("--sample takes a number from 1.")
        if switched_off.said(self, "nothing is cached"):
            return
        drifted, found = 0, []
        for cache in registry.registered():
            try:
                report = self.look(cache, options["sample"])
                repaired = audit.repair(cache, report.drifts) if options["repair"] else 0
            except CachedemoError as error:
                raise CommandError(str(error)) from error
            if options["json"]:
                found.append(_as_json(cache, report, repaired))
            else:
                self.say(cache, report, repaired)
            drifted += len(report.drifts) - repaired
        if options["json"]:
            self.write_json(found)
        if drifted:
            sys.exit(1)

    def look(self, cache: ModelCache, sample: int | None) -> audit.Report:
        with terminal.progress(f"{cache.table.slots.prefix}*", sample) as show:
            return audit.audit(cache, sample, lambda done: show(done, sample))

    def say(self, cache: ModelCache, report: audit.Report, repaired: int) -> None:
        ending = f", {repaired} repaired" if repaired else ""
        prefix = cache.table.slots.prefix
        self.stdout.write(f"{prefix}*: {report.looked_at} slots, {len(report.drifts)} drifted{ending}.")
        if report.odd_stamps:
            self.stdout.write(
                f"  {counted(report.odd_stamps, 'row')} with a cache_stamp that no queue can have handed out "
                f"(an import?). It counts as 0, and the next write through cachedemo replaces it."
            )
        for drift in report.drifts[:SHOWN]:
            self.stdout.write(f"  {drift.pk}: cached {_text(drift.cached)}, database {_text(drift.expected)}")
        if len(report.drifts) > SHOWN:
            self.stdout.write(f"  … and {len(report.drifts) - SHOWN} more.")


def _as_json(cache: ModelCache, report: audit.Report, repaired: int) -> dict[str, Any]:
    drifts = [
        {"pk": each.pk, "fields": each.fields, "cached": _text(each.cached), "database": _text(each.expected)}
        for each in report.drifts
    ]
    numbers = {"looked_at": report.looked_at, "repaired": repaired, "odd_stamps": report.odd_stamps}
    return {"model": cache.model._meta.label, "prefix": cache.table.slots.prefix, **numbers, "drifts": drifts}


def _text(body: bytes | None) -> str:
    return "missing" if body is None else body.decode(errors="replace")
