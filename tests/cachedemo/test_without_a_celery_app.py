"""Celery is installed, for another app perhaps, and the project has no app of its own, or none is imported here."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cachedemo import tasks
from tests.cachedemo.servers.test_test_runs import project, run

__all__ = ["project"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What goes to the broker."""
    sent: list[Any] = []
    monkeypatch.setattr(tasks.flush, "apply_async", lambda words, **_: sent.append(words))
    monkeypatch.setattr(tasks.delete_version, "apply_async", lambda words, **_: sent.append(words))
    return sent


def have_app(monkeypatch: pytest.MonkeyPatch, main: str | None, broker: str | None) -> None:
    monkeypatch.setattr(tasks, "current_app", SimpleNamespace(main=main, conf=SimpleNamespace(broker_url=broker)))


def test_nobody_at_localhost_is_asked_for_a_flush(monkeypatch: pytest.MonkeyPatch, sent: list[Any]) -> None:
    """A broker there is somebody else's, whose workers know no such task; and one that is not there is no news."""
    have_app(monkeypatch, "default", None)
    tasks.request_flush("flush:users")
    assert sent == []


def test_nobody_is_asked_to_delete_a_version_either(monkeypatch: pytest.MonkeyPatch, sent: list[Any]) -> None:
    have_app(monkeypatch, "default", None)
    with pytest.raises(ImproperlyConfigured, match=r"no Celery app of the project.*manage.py cache_delete_version"):
        tasks.request_deletion("user", "1", None)
    assert sent == []


@pytest.mark.parametrize(("main", "broker"), [("shop", None), (None, None), ("default", "redis://localhost:6379/2")])
def test_an_app_of_the_project_or_a_broker_that_is_named_is_asked(
    monkeypatch: pytest.MonkeyPatch, sent: list[Any], main: str | None, broker: str | None
) -> None:
    """Celery reads `CELERY_BROKER_URL` of the environment without any app."""
    have_app(monkeypatch, main, broker)
    tasks.request_flush("flush:users")
    tasks.request_deletion("user", "1", None)
    assert sent == [["flush:users"], ["user", "1", None]]


STARTS = """
import sys
{first}
import django
django.setup()
print([name in sys.modules for name in ("celery", "cachedemo.tasks")])
"""


def test_a_project_that_does_not_import_celery_does_not_load_it(project: Path) -> None:
    """It takes a tenth of a second, each time that manage.py is called."""
    assert run(project, code=STARTS.format(first="")).stdout.strip() == "[False, False]"


def test_a_process_that_has_imported_celery_knows_the_tasks_at_once(project: Path) -> None:
    """A worker, whose app need not look for them by itself."""
    assert run(project, code=STARTS.format(first="import celery")).stdout.strip() == "[True, True]"
