import json
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cachedemo import conf
from cachedemo.exceptions import CachedemoError
from cachedemo.management import acting_user
from cachedemo.model_cache import ModelCache
from cachedemo.operations import history, switch
from cachedemo.operations.switch import Done, Standing
from cachedemo.plurals import counted
from cachedemo.protocol import closed_notes

ASKED = (
    "A process with CACHEDEMO['ENABLED'] = False would change rows that are cached, and nobody would see it: "
    "none may be running. Switch on? [y/N] "
)
HALF = "It is begun and not finished, and every process sees that: run it again, or `cache_switch on`."


class Command(BaseCommand):
    help = "Switch cachedemo off in every process, so that only the database is asked; on again; or say how it stands."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", choices=["status", "off", "on"], default="status")
        parser.add_argument("model", nargs="*", help="for example users.User (default: every registered model)")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="off: give up a drain after so long")
        parser.add_argument("--yes", action="store_true", help="on: do not ask")
        parser.add_argument("--json", action="store_true", help="print one JSON object, and the steps on stderr")
        acting_user.add_argument(parser)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        self.json = options["json"]
        try:
            if action == "status" and not conf.is_enabled():
                return self.say({"enabled": False, "queues": []}, switch.BY_SETTING)
            chosen = switch.models(options["model"])
            if action == "status":
                return self.show(switch.standings(chosen))
            self.switch(action, chosen, options)
        except (CachedemoError, ImproperlyConfigured, TimeoutError) as error:
            raise CommandError(str(error)) from error

    def show(self, standings: list[Standing]) -> None:
        """Say how each queue stands; ends with 1 if somebody has begun and not finished."""
        self.say({"enabled": True, "queues": [_as_json(each) for each in standings]}, *map(_words, standings))
        if any(each.state == closed_notes.CLOSING for each in standings):
            raise CommandError("Switching is begun and not finished.")

    def switch(self, action: str, chosen: list[ModelCache], options: dict[str, Any]) -> None:
        user = acting_user.find(options["user"])
        if action == "on" and not options["yes"] and not self.confirmed():
            raise CommandError("Not switched on.")
        names, began = ", ".join(cache.model._meta.label for cache in chosen), time.monotonic()
        try:
            done = switch.on(chosen) if action == "on" else self.off(chosen, user, options["timeout"])
            if done.left:
                raise CommandError(" ".join([*map(_left, done.left), HALF]))
        except (CachedemoError, TimeoutError, CommandError, KeyboardInterrupt) as error:
            said = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error)
            self.note(user, action, names, history.FAILED, time.monotonic() - began, {}, said)
            if isinstance(error, KeyboardInterrupt):
                raise CommandError(f"Interrupted. {HALF}", returncode=130) from error
            raise
        said = f"{names}: {_done(action, done)}"
        counts = {"rows": done.flushed, "keys": done.slots}
        self.note(user, action, names, history.DONE, time.monotonic() - began, counts, said)
        unreached = switch.without_queue() if action == "off" and not options["model"] else []
        also = [f"Without a queue, and so as before: {', '.join(unreached)}."] if unreached else []
        self.say({"action": action, "flushed": done.flushed, "slots": done.slots, "as_before": unreached}, said, *also)

    def off(self, chosen: list[ModelCache], user: Any, timeout: float | None) -> Done:
        return switch.off(chosen, acting_user.name_of(user, "cache_switch"), timeout, self.stderr.write)

    def note(self, user: Any, action: str, *details: Any) -> None:
        if user:
            history.record(user.pk, f"switch-{action}", *details)

    def say(self, answer: dict[str, Any], *sentences: str) -> None:
        for sentence in [json.dumps(answer)] if self.json else sentences:
            self.stdout.write(sentence)

    def confirmed(self) -> bool:
        try:
            return input(ASKED).strip().lower() in ("y", "yes")
        except EOFError:
            return False


def _as_json(stands: Standing) -> dict[str, Any]:
    since, by = (stands.note.since, stands.note.by) if stands.note else (None, None)
    told = stands._asdict() | {"state": stands.state, "since": since, "by": by}
    return {name: value for name, value in told.items() if name != "note"}


def _words(stands: Standing) -> str:
    waiting = f" {counted(stands.waiting, 'row')} waiting, {counted(stands.dead, 'dead letter')} among them."
    return switch.words(stands.queue, stands.note) + (waiting if stands.waiting else "")


def _left(stands: Standing) -> str:
    return (
        f"{stands.queue} still has {counted(stands.dead, 'dead letter')}, which a process with "
        f"CACHEDEMO['ENABLED'] = False would not show: retry or discard with `cache_dead_letters`."
    )


def _done(action: str, done: Done) -> str:
    emptied = f"{counted(done.slots, 'slot')} emptied"
    if action == "on":
        return f"switched on, {emptied}."
    return f"switched off, {counted(done.flushed, 'row')} flushed, {emptied}."
