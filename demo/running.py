"""How a command in a second terminal finds the demo that runs: the environment of its parts, in a file of its folder.

The file is there while the demo is up, for its owner's eyes only: it has the secret key and the URLs of the servers.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from cachedemo.embedded.held_files import is_held

FILE = "running.json"
LOCK = "demo.lock"
GIVEN = ("SECRET_KEY", "REDIS_URL", "CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL", "DATABASE_URL")
TOLD = (*GIVEN, "CELERY_BROKER_URL", "CACHEDEMO_VAR", "CACHEDEMO_ALLOW_FLUSHDB", "SOURCE_LATENCY_MS", "OPEN_ACCESS")


@contextlib.contextmanager
def told(var: Path) -> Iterator[None]:
    """Tell until the block ends where everything is."""
    path = var / FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({name: os.environ[name] for name in TOLD if name in os.environ}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def join(root: Path) -> str:
    """Take over the environment of the demo that runs below `root`; return a sentence about it, empty if none does.

    What is set already stays, and where a server, a database or a key is named by the environment or by a .env file,
    that is what is wanted, and nothing is taken over.
    """
    var = root / (os.environ.get("CACHEDEMO_VAR") or "var")
    if (root / ".env").exists() or any(os.environ.get(name) for name in GIVEN) or not is_held(var / LOCK):
        return ""
    try:
        found: dict[str, str] = json.loads((var / FILE).read_text())
    except (OSError, ValueError):
        return ""
    for name, value in found.items():
        os.environ.setdefault(name, value)
    return f"Using the demo that runs in {var} (set REDIS_URL for another server)."
