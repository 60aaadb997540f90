"""The project's Celery app, as the checks see it."""

from typing import Any

from cachedemo import extras


def project_settings() -> Any:
    """Return its settings, None where there is none to be seen from this process."""
    if not extras.has("celery"):
        return None
    from celery import current_app

    return None if current_app.main == "default" else current_app.conf  # Celery makes one of that name by itself
