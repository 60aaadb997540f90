"""A cache and a queue server of the tests' own, one pair in each process, which end with it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from django.conf import settings
from django.test.utils import override_settings

from cachedemo.embedded.pair import EmbeddedPair
from cachedemo.testing.followed_servers import SERVERS, places

_FIRST = 10  # of what a process does at its end: above 0, so that this comes before the ends of the rest

_pair: EmbeddedPair | None = None
_owner = 0  # the process that has started them


@contextmanager
def embedded_servers() -> Iterator[EmbeddedPair]:
    """Have `CACHE_URL` and `QUEUE_URL` lead to servers of the tests' own inside of this, in child processes too.

    A process starts them once, and they end with it. Processes that it forks, or starts inside of this, share them: the
    keys of each test database are apart.

    Returns:
        The pair: `pair.cache` and `pair.queue` can be stopped, killed and started.

    Raises:
        ServerMissing: there is no server binary; the message says how to get one.
        ServerFailed: one did not start.
    """
    pair = _pair or _start()
    if _owner == os.getpid():
        pair.start()  # a test may have stopped one
    before = os.environ.get(SERVERS)
    os.environ[SERVERS] = f"{pair.cache.url(0)} {pair.queue.url(1)}"
    try:
        with override_settings(CACHEDEMO={**getattr(settings, "CACHEDEMO", {}), **places()}):
            yield pair
    finally:
        if before is None:
            del os.environ[SERVERS]


def _start() -> EmbeddedPair:
    global _pair, _owner
    folder = Path(tempfile.mkdtemp(prefix="cachedemo-testing-"))  # a TemporaryDirectory ends with a forked child too
    pair = EmbeddedPair(folder)
    Finalize(None, _end, args=(pair, folder), exitpriority=_FIRST)  # unlike atexit, also in a process of `--parallel`
    pair.start()
    _pair, _owner = pair, os.getpid()
    return pair


def _end(pair: EmbeddedPair, folder: Path) -> None:
    pair.stop()
    shutil.rmtree(folder, ignore_errors=True)
