"""What the demo says on the terminal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo import credentials


class Screen:
    """One line for each thing that happens; on a terminal, a spinner while something takes time."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._console.print(line, markup=False)

    @contextlib.contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        with self._console.status(doing):
            yield
        self._console.print(f"[green]✓[/green] {done}")

    def welcome(self, url: str, password: str | None, servers: dict[str, str], logs: Path, is_open: bool) -> None:
        """Show where everything is."""
        table = Table.grid(padding=(0, 3))
        table.add_row("Begin here", f"{url}/, a lesson of seven steps in ten minutes" if is_open else f"{url}/")
        table.add_row("API", f"{url}/api/docs")
        table.add_row("Admin", f"{url}/admin/")
        table.add_row("", f"{credentials.ADMIN}, password {password}" if password else _other_password())
        for role, server in servers.items():
            table.add_row(role, server)
        table.add_row("Logs", f"{logs}/")
        self._console.print()
        self._console.print(table)
        self._console.print()
        self.say(_who(is_open))
        self.say("Kill anything but this and watch it come back. Ctrl-C stops everything.")


def _other_password() -> str:
    return f"{credentials.ADMIN} has the password that the database had before"


def _who(is_open: bool) -> str:
    if is_open:
        return "Open access: anyone on this machine may read and change the demo users."
    return "Open access is off: sign in at the admin first."
