from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.management import acting_user, switched_off, terminal
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.model_cache import ModelCache
from cachedemo.operations import deletion_log, deletion_progress, version_deletion
from cachedemo.plurals import counted
from cachedemo.protocol import versions


class Command(OperatorCommand):
    when_stopped = "What is deleted stays so: run it again to finish it."
    help = "Delete the keys of a version: the named one, or with --previous all older than the current ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="the model's name in the keys, for example user")
        parser.add_argument("version", nargs="?", help="the version's number")
        parser.add_argument("--previous", action="store_true", help="every version older than the current, every model")
        parser.add_argument("--dry-run", action="store_true", help="count the keys and delete none")
        parser.add_argument(
            "--current", action="count", default=0, help="given twice: even if it is the version in use"
        )
        self.add_json(parser)
        acting_user.add_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["previous"] and not options["name"] and switched_off.said(self, "nothing is deleted"):
            return
        switched_off.refuse("nothing can be counted or deleted")
        try:
            user = acting_user.find(options["user"])
            found = []
            for cache, version in self.chosen(options):
                name = version_deletion.prefix(cache, version)
                if options["dry_run"]:
                    keys, words = version_deletion.count(cache, version), "would be deleted"
                else:
                    keys, words = self.delete(cache, version, options["current"], user), "deleted"
                found.append({"version": name, "keys": keys, "deleted": not options["dry_run"]})
                if not options["json"]:
                    self.stdout.write(f"{name} {counted(keys, 'key')} {words}.")
            if options["json"]:
                self.write_json(found)
        except (CachedemoError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def chosen(self, options: dict[str, Any]) -> list[tuple[ModelCache, str]]:
        if options["previous"] == bool(options["name"]):
            raise CommandError("Name a model and a version, as in `user 1`, or give --previous.")
        if options["previous"]:
            return [(cache, version) for cache in registry.registered() for version in self.older(cache)]
        if not options["version"]:
            raise CommandError("Name the version too, as in `user 1`.")
        if not options["version"].isdecimal():
            raise CommandError(f"{options['version']!r} is not a version: name its number, as in `user 1`.")
        return [(registry.by_name(options["name"]), str(int(options["version"])))]

    def older(self, cache: ModelCache) -> list[str]:
        """Return the versions below the current one that are announced, or whose keys are still there."""
        known = {*versions.fields_by_version(cache.table), *version_deletion.versions_with_keys(cache)}
        return sorted((version for version in known if int(version) < cache.version), key=int)

    def delete(self, cache: ModelCache, version: str, insisted: int, user: Any) -> int:
        name = version_deletion.prefix(cache, version)
        if version == cache.table.slots.version and insisted < 2:
            raise CommandError(f"{name} is the current version: say --current twice to delete it nevertheless.")
        begun = version_deletion.begin(cache, version, "cache_delete_version", even_current=insisted >= 2)
        entry_id = deletion_log.begin(name, begun.total - begun.deleted, user.pk) if user else None
        with terminal.progress(name, begun.total) as show:
            deletion = version_deletion.run(cache, version, lambda now: show(now.deleted, now.total))
        deletion_log.note(deletion, name, entry_id)
        if deletion.state != deletion_progress.DONE:
            raise CommandError(
                f"{name} was cancelled after {counted(deletion.deleted, 'key')}: run it again to finish it."
            )
        deleted: int = deletion.deleted
        return deleted
