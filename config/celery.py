"""The Celery app: `celery -A config worker -B`. What beat asks for is in `beat.py`."""

import os
from contextlib import ExitStack
from typing import Any

from celery import Celery
from celery.signals import beat_embedded_init, task_postrun, task_prerun, worker_init, worker_process_init
from django.core.exceptions import ImproperlyConfigured

from config.beat import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_IMPORTED_BY = os.getpid()  # in a pool process: the worker that it was forked from

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


app.conf.beat_schedule = SCHEDULE


@app.on_configure.connect
def refuse_bad_settings(**_: Any) -> None:
    """End with the sentence that says what is wrong with the settings, instead of a traceback."""
    from django.conf import settings

    try:
        settings.INSTALLED_APPS  # noqa: B018  (reads the settings)
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@worker_init.connect
def announce_versions(**_: Any) -> None:
    """Refuse to start beside a release that calls other fields by the same version."""
    from cachedemo import announce_all

    try:
        announce_all()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error  # Celery would only log another exception


@worker_process_init.connect
@beat_embedded_init.connect
def end_with_the_worker(**_: Any) -> None:
    """Let no pool process outlive a worker that was killed, and go on with a batch that another may claim."""
    from cachedemo.embedded.server import end_with_parent

    if os.getpid() != _IMPORTED_BY:  # the solo pool has no process of its own
        end_with_parent(_IMPORTED_BY)


_watching: dict[str, ExitStack] = {}  # task id -> what is left when it ends


@task_prerun.connect
def watch_the_flush(task_id: str = "", task: Any = None, **_: Any) -> None:
    """Let the playground keep what a flush did, for the page of the write that it took."""
    if getattr(task, "name", "") == "cachedemo.tasks.flush":
        from playground.flush_traces import watched

        stack = _watching[task_id] = ExitStack()
        stack.enter_context(watched())


@task_postrun.connect
def end_of_the_flush(task_id: str = "", **_: Any) -> None:
    if stack := _watching.pop(task_id, None):
        stack.close()


@app.task(ignore_result=True, name="config.sweep_throwaways")
def sweep_throwaways() -> None:
    """Take away what measurements and comparisons have left that were killed."""
    from playground import throwaway

    throwaway.sweep_this_machine()
