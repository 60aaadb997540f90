import json
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cachedemo import conf
from cachedemo.exceptions import CachedemoError, Refused
from cachedemo.management import acting_user
from cachedemo.operations import history, shard_change, switch
from cachedemo.operations.shard_change import Done, Stands
from cachedemo.plurals import counted
from cachedemo.protocol import shards

HALF = "It may be begun and not finished: run it again, or with the number that there was, to take it back."


class Command(BaseCommand):
    help = "Say in how many shards a model's queue is kept, or change that while it is used."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", help="for example users.User (default: all, to say how they stand)")
        parser.add_argument("shards", nargs="?", type=int, help=f"how many there will be, from 1 to {shards.MOST}")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="give up a drain after so long")
        parser.add_argument("--json", action="store_true", help="print one JSON object, and the steps on stderr")
        acting_user.add_argument(parser)

    def handle(self, *args: Any, model: str | None, **options: Any) -> None:
        self.json = options["json"]
        try:
            if options["shards"] is None and not conf.is_enabled():
                return self.say({"enabled": False, "queues": []}, switch.BY_SETTING)
            caches = switch.everywhere(switch.models([model] if model else []))
            if options["shards"] is None:
                stand = [shard_change.standing(cache) for cache in caches]
                return self.say({"queues": [_as_json(each) for each in stand]}, *map(shard_change.words, stand))
            for cache in caches:
                self.change(cache, acting_user.find(options["user"]), options)
        except (CachedemoError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def change(self, cache: Any, user: Any, options: dict[str, Any]) -> None:
        began, count = time.monotonic(), options["shards"]
        try:
            done = shard_change.change(cache, count, options["timeout"], self.stderr.write)
        except (CachedemoError, TimeoutError, KeyboardInterrupt) as error:
            said = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error)
            self.note(user, cache, history.FAILED, time.monotonic() - began, {}, said)
            status = 130 if isinstance(error, KeyboardInterrupt) else 1
            half = "" if isinstance(error, Refused) else f" {HALF}"  # then nothing has changed
            raise CommandError(f"{said}{half}", returncode=status) from error
        said = _words(cache, done)
        self.note(user, cache, history.DONE, time.monotonic() - began, {"rows": done.flushed}, said)
        self.say({"queue": str(cache.queue), **done._asdict()}, said)

    def note(self, user: Any, cache: Any, *details: Any) -> None:
        if user:
            history.record(user.pk, "change-shards", str(cache.queue), *details)

    def say(self, answer: dict[str, Any], *sentences: str) -> None:
        for sentence in [json.dumps(answer)] if self.json else sentences:
            self.stdout.write(sentence)


def _as_json(each: Stands) -> dict[str, Any]:
    return {"queue": each.queue, "begins_with": each.begins_with, **each.now._asdict()}


def _words(cache: Any, done: Done) -> str:
    if done.before == done.after:
        return f"{cache.queue} has {counted(done.after, 'shard')}."
    flushed = counted(done.flushed, "row")
    return f"{cache.queue} has {counted(done.after, 'shard')} now, and had {done.before}; {flushed} flushed."
