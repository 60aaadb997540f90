"""A cache and a queue server of the tests' own, one pair in each process, which end with it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.test.utils import override_settings

from cachedemo.embedded.pair import EmbeddedPair
from cachedemo.testing.followed_servers import SERVERS, places

_FIRST = 10  # of what a process does at its end: above 0, so that this comes before the ends of the rest

_pair: EmbeddedPair | None = None
_owner = 0  # the process that has started them


@contextmanager
def embedded_servers() -> Iterator[EmbeddedPair]:
    """Have `CACHE_URL` and `QUEUE_URL` lead to servers of the tests' own inside of this, in child processes too.

    A process starts them once, and they end with it. Processes that it forks share them: the keys of each test database
    are apart.

    Returns:
        The pair: `pair.cache` and `pair.queue` can be stopped, killed and started.

    Raises:
        ServerMissing: there is no server binary; the message says how to get one.
        ServerFailed: one did not start.
    """
    pair = _pair or _start()
    if _owner == os.getpid():
        pair.start()  # a test may have stopped one
    with _announced(pair), _redirected(getattr(settings, "CACHEDEMO", {})):
        yield pair


@contextmanager
def _announced(pair: EmbeddedPair) -> Iterator[None]:
    """Say in the environment where they are."""
    before = os.environ.get(SERVERS)
    os.environ[SERVERS] = f"{pair.cache.url(0)} {pair.queue.url(1)}"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SERVERS]


@contextmanager
def _redirected(configured: dict[str, Any]) -> Iterator[None]:
    """Have the settings lead to them, and what a test overrides too.

    `@override_settings(CACHEDEMO={**settings.CACHEDEMO, "TIMEOUT": 3})` was evaluated when its module was imported, and
    has the project's own servers in it. A test that names others gets these.
    """

    def redirect(*, setting: str, enter: bool, **_: Any) -> None:
        if setting == "CACHEDEMO" and enter:
            settings.CACHEDEMO = settings.CACHEDEMO | _where_it_led(settings.CACHEDEMO, configured)

    with override_settings(CACHEDEMO={**configured, **places()}):
        setting_changed.connect(redirect, weak=False)
        try:
            yield
        finally:
            setting_changed.disconnect(redirect)


def _where_it_led(now: dict[str, Any], configured: dict[str, Any]) -> dict[str, Any]:
    """Return those places of the embedded servers that the settings had something else for."""
    changed = dict[str, Any]()
    for role in ("CACHE", "QUEUE"):
        if now.get(f"{role}_URL") == configured.get(f"{role}_URL"):
            changed |= {name: place for name, place in places().items() if name.startswith(role)}
    return changed


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
