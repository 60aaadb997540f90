"""One peer in a process of its own, as the parent sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from cachedemo.embedded.pair import EmbeddedPair
from cachedemo.embedded.server import ends_with_this_process

HERE = Path(__file__).parent
ARTICLE = "the article, on Node"
IN_MEMORY = {ARTICLE}  # whose source is an object in their own process, and no database


class Side:
    """Starts the process, tells it what to do and waits for the answer; all one at a time.

    Args:
        name: of `PEERS`, or ARTICLE.
        number: the database of the cache server, and of the queue's, that is its own.
    """

    def __init__(self, name: str, number: int, servers: EmbeddedPair, folder: Path) -> None:
        self.name = name
        self.cache_url, self.queue_url = servers.cache.url(number), servers.queue.url(number)
        self.database = folder / f"{number}.sqlite3"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._processes = [self._start()]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            assert process.stdin
            assert process.stdout
            process.stdin.close()
            process.wait()
            process.stdout.close()

    def do(self, what: str, *arguments: Any) -> Any:
        """Have it do something (`Work` in child.py says what there is) and return the answer."""
        return self.all_do(1, what, *arguments)[0]

    def all_do(self, processes: int, what: str, *arguments: Any) -> list[Any]:
        """Have many processes of this peer do the same at once; they are started when they are first needed."""
        self._processes += [self._start() for _ in range(processes - len(self._processes))]
        for process in self._processes[:processes]:
            assert process.stdin
            process.stdin.write(json.dumps([what, *arguments]) + "\n")
            process.stdin.flush()
        return [self._answer(process) for process in self._processes[:processes]]

    def _answer(self, process: subprocess.Popen[str]) -> Any:
        assert process.stdout
        if not (line := process.stdout.readline()):
            raise SystemExit(f"{self.name} has ended; what it said stands above.")
        return json.loads(line)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(),
            cwd=HERE.parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=ends_with_this_process(),
        )

    def _command(self) -> list[str]:
        if self.name == ARTICLE:
            return ["node", str(HERE / "article.mjs"), self.cache_url]
        what = [str(os.getpid()), self.name, self.cache_url, self.queue_url, str(self.database)]
        return [sys.executable, "-m", "benchmarks.peers.child", *what]
