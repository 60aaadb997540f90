"""What a permalink leads to: small JSON files in the project's folder, the oldest thrown away."""

import contextlib
import json
import re
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings

KEPT = 200  # of each kind
_ID = re.compile(r"[0-9a-f]{12}")


def folder(kind: str) -> Path:
    """Return the folder of one kind, made if it is not there."""
    path = place_of(kind)
    path.mkdir(parents=True, exist_ok=True)
    return path


def place_of(kind: str) -> Path:
    """Return where the folder of one kind is, or would be."""
    return Path(settings.VAR) / "playground" / kind


def new_id() -> str:
    return secrets.token_hex(6)


def save(kind: str, content: dict[str, Any]) -> str:
    """Keep `content` and return the id to find it by; an empty one where the disk does not take it."""
    kept = new_id()
    try:
        (folder(kind) / f"{kept}.json").write_text(json.dumps(content))
        prune(kind)
    except OSError:
        return ""
    return kept


def load(kind: str, kept: str | None) -> dict[str, Any] | None:
    """Return what was kept under an id; None if nothing is any more."""
    path = path_of(kind, kept, "json")
    if path is None:
        return None
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def newest(kind: str) -> dict[str, Any] | None:
    """Return what was kept last, so that there is something to look at before anybody has begun; None if nothing."""
    files = sorted(folder(kind).glob("*.json"), key=lambda path: path.stat().st_mtime)
    return load(kind, files[-1].stem) if files else None


def path_of(kind: str, kept: str | None, ending: str) -> Path | None:
    """Return the file of an id that came from outside; None if it can be none of ours."""
    if kept is None or not _ID.fullmatch(kept):
        return None
    return folder(kind) / f"{kept}.{ending}"


def prune(kind: str) -> None:
    """Throw away all but the newest."""
    files = sorted(folder(kind).iterdir(), key=lambda path: path.stat().st_mtime)
    for path in files[:-KEPT]:
        with contextlib.suppress(OSError):  # somebody else was faster
            path.unlink()
