import sys

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CachedemoConfig(AppConfig):
    """Finds each app's caches.py, listens to saves and deletes, and connects write-behind to Celery."""

    name = "cachedemo"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Cache"

    def ready(self) -> None:
        from cachedemo import checks, conf, extras  # noqa: F401  (checks register themselves)
        from cachedemo.model_classes import adoption
        from cachedemo.operations import new_tables
        from cachedemo.protocol import wake
        from cachedemo.servers import test_runs
        from cachedemo.testing import followed_servers

        conf.refuse_what_is_no_dict()
        followed_servers.follow()
        test_runs.remember_databases()
        autodiscover_modules("caches")
        adoption.adopt()
        new_tables.follow()
        if extras.has("celery"):  # elsewhere `manage.py cache_flush --loop` looks by itself, and nobody is asked
            if "celery" in sys.modules:  # as in a worker, which has to know its tasks by now
                from cachedemo import tasks

                wake.ask_with(tasks.request_flush)
            else:
                wake.ask_with(_request_flush)


def _request_flush(queue: str) -> None:
    """Load Celery only where somebody has to be asked: it takes its time at every start."""
    from cachedemo import tasks

    tasks.request_flush(queue)
