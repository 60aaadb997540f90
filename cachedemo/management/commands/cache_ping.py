from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cachedemo import conf
from cachedemo.management import switched_off
from cachedemo.operations import ping
from cachedemo.servers import topologies
from cachedemo.servers.roles import CACHE, QUEUE


class Command(BaseCommand):
    help = "Say PONG for each Redis role, or what is wrong with it and how to fix that."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.is_enabled():
            self.stdout.write(f"{switched_off.BY_SETTING}, only the database.")
            return
        problems = []
        for role in (CACHE, QUEUE):
            problem = ping.problem(role)
            if problem:
                problems.append(problem)
            else:
                where, *parts = topologies.described(role)
                self.stdout.write(f"{role.name:5}  PONG  {where}")
                for part in parts:
                    self.stdout.write(f"{role.name:5}        {part}")
                for warning in ping.warnings(role):
                    self.stdout.write(f"{role.name:5}  but   {warning}")
        if problems:
            raise CommandError("\n".join(problems))
