"""The demo from its start to its end."""

import os

from django.core.management import call_command, get_commands
from django.db import connections

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.servers.server_errors import Error
from demo import credentials, default_settings, leftovers, older, ports, processes, running
from demo.errors import StopAsked
from demo.lock import only_one
from demo.part import PythonPart
from demo.screen import Screen
from demo.signals import StopSignal
from demo.supervisor import Supervisor
from demo.visitor_actions import Control

DRAIN_LIMIT = 30.0  # seconds
IN_THE_DATABASE = "Pending writes are in the database."


class Demo:
    """Servers, worker, beat and web on one machine."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.plan = default_settings.plan()
        self.screen = Screen()
        self.stop = StopSignal()
        self.control = Control(self.plan.var / "control")
        self.supervisor = Supervisor(self.stop, self.screen.say, self.control)
        self.servers = processes.servers(self.plan)

    def run(self) -> None:
        """Start everything, look after it until somebody asks to stop, and end it in order.

        Raises:
            DemoFailed: something did not start; what had been started is ended again.
        """
        with only_one(self.plan.var / "demo.lock"):
            self.stop.listen()
            self._choose_port()
            self.control.open()
            parts = self._python_parts()
            try:
                password = self._start(parts)
                self._welcome(password)
                with running.told(self.plan.var):
                    self.supervisor.watch()
            except StopAsked:
                pass
            finally:
                self._end(parts)

    def _choose_port(self) -> None:
        if sentence := default_settings.open_to(self.host):
            self.screen.say(sentence)
        wished, self.port = self.port, ports.next_free(self.host, self.port)
        if wished and self.port != wished:
            self.screen.say(f"Port {wished} is taken: the pages are on {self.port}.")

    def _python_parts(self) -> dict[str, PythonPart]:
        log = self.plan.log
        parts = [processes.worker(log), processes.beat(log), processes.web(self.host, self.port, log)]
        return {part.name: part for part in parts}

    def _start(self, parts: dict[str, PythonPart]) -> str | None:
        processes.rotate([*self.servers, *parts.values(), processes.drain(self.plan.log)])
        self._start_servers()
        password = self._fill_database()
        with self.screen.step("Starting worker, beat and web", "Worker, beat and web"):
            for part in parts.values():
                self.supervisor.start(part)
            for part in parts.values():
                self.supervisor.wait_until_up(part)
        return password

    def _start_servers(self) -> None:
        for part in self.servers:
            with self.screen.step(f"Starting the {part.name}", f"The {part.name}, port {part.server.port}"):
                self.supervisor.start(part)
        if self.plan.cache_port:
            leftovers.leave_old_entries()

    def _fill_database(self) -> str | None:
        with self.screen.step("Migrating the database", "The database"):
            with older.migrated(self.plan.var):
                call_command("migrate", verbosity=0, interactive=False)
            password = credentials.admin_password(self.plan.var / "admin-password")
            connections.close_all()
        older.begin_anew(self.screen.say, self.plan.var, bool(self.plan.cache_port and self.plan.queue_port))
        return password

    def _welcome(self, password: str | None) -> None:
        redis = {
            part.name.capitalize(): os.environ[f"CACHEDEMO_{part.server.role.upper()}_URL"] for part in self.servers
        }
        is_open = os.environ["OPEN_ACCESS"] == "True"
        self.screen.welcome(ports.url_of(self.host, self.port), password, redis, self.plan.log, is_open)

    def _end(self, parts: dict[str, PythonPart]) -> None:
        if self.stop.asked:
            self.screen.say("Stopping. Ctrl-C once more hurries.")
        was_up = parts["worker"].process is not None
        beat, worker = parts["beat"], parts["worker"]
        self.supervisor.end(
            parts["web"], beat, worker, is_idle=lambda part: part is beat or (part is worker and _nothing_waits())
        )
        if was_up and not self.stop.hurried:
            self._drain()
        self.supervisor.end(*self.servers)

    def _drain(self) -> None:
        """Flush what still waits, so that the database has it all; what cannot be flushed stays in the queue."""
        if "cache_drain" not in get_commands():
            return
        if _nothing_waits():
            self.screen.say(IN_THE_DATABASE)
            return
        drain = processes.drain(self.plan.log)
        drain.start()
        if self.stop.wait(drain.is_up, DRAIN_LIMIT, lambda: self.stop.hurried) and drain.status == 0:
            self.screen.say(IN_THE_DATABASE)
        else:
            self.screen.say(f"Pending writes stay in the queue for the next start; {drain.log} says why.")
        self.supervisor.kill(drain)


def _nothing_waits() -> bool:
    """Say whether the queue answers and has nothing to flush; what was refused is for an operator."""
    try:
        return not any(cache.table.queue.in_line() for cache in registry.with_queue())
    except (CachedemoError, Error):
        return False
