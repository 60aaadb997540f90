"""What beat asks for, and how often."""

from typing import Any


def _every(seconds: float, task: str) -> dict[str, Any]:
    """Return a beat entry; without a worker for a day, no pile of requests waits in the broker."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds, "ignore_result": True}}


SCHEDULE = {
    "flush": _every(1.0, "cachedemo.tasks.flush"),
    "audit": _every(300.0, "cachedemo.tasks.audit"),
    "scan": _every(60.0, "cachedemo.tasks.scan"),
    "sweep": _every(5.0, "config.sweep_throwaways"),  # the playground's
}
