from typing import Any

from django.core.management.base import CommandError, CommandParser

from cachedemo import conf
from cachedemo.management import switched_off
from cachedemo.management.operator_command import OperatorCommand
from cachedemo.operations import ping
from cachedemo.servers import topologies
from cachedemo.servers.roles import CACHE, QUEUE, Role


class Command(OperatorCommand):
    help = "Say PONG for each Redis role, or what is wrong with it and how to fix that."
    requires_system_checks: list[str] = []

    when_stopped = "Nothing was changed."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.is_enabled():
            self.stdout.write(f"{switched_off.BY_SETTING}, only the database.")
            return
        problems, found = [], []
        for role in (CACHE, QUEUE):
            problem = ping.problem(role)
            if options["json"]:
                found.append(_as_json(role, problem))
                problems += [problem] if problem else []
                continue
            if problem:
                problems.append(problem)
            else:
                where, *parts = topologies.described(role)
                self.stdout.write(f"{role.name:5}  PONG  {where}")
                for part in parts:
                    self.stdout.write(f"{role.name:5}        {part}")
                for warning in ping.warnings(role):
                    self.stdout.write(f"{role.name:5}  but   {warning}")
        if options["json"]:
            self.write_json(found)
        if problems:
            raise CommandError("\n".join(problems))


def _as_json(role: Role, problem: str | None) -> dict[str, Any]:
    servers = [] if problem else topologies.described(role)
    return {
        "role": role.name,
        "answers": problem is None,
        "servers": servers,
        "warnings": [] if problem else ping.warnings(role),
        "problem": problem,
    }
