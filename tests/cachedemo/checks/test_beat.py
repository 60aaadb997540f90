"""Beat asks for what cachedemo needs, and what it asks for expires."""

from types import SimpleNamespace

import pytest
from celery.beat import ScheduleEntry

from cachedemo import checks, registry
from cachedemo.checks import celery_app as project
from config import celery_app
from tests.notes.models import Tag

FLUSH = {"task": "cachedemo.tasks.flush", "schedule": 1.0, "options": {"expires": 1.0}}


@pytest.fixture
def celery(monkeypatch):
    """What the check sees of Celery's settings; starts with the example's own."""
    found = SimpleNamespace(beat_schedule=dict(celery_app.conf.beat_schedule), beat_scheduler="celery.beat:Scheduler")
    monkeypatch.setattr(project, "project_settings", lambda: found)
    return found


@pytest.fixture
def schedule(celery):
    def with_flush(entry):
        celery.beat_schedule.pop("flush", None)
        celery.beat_schedule |= {"flush": entry} if entry else {}
        return [message.id for message in checks.check_beat()]

    return with_flush


def test_the_examples_beat_is_complete():
    assert checks.check_beat() == []


def test_a_missing_entry_is_told_with_the_entry(schedule):
    assert schedule(None) == ["cachedemo.W025"]
    [warning] = checks.check_beat()
    assert '"task": "cachedemo.tasks.flush", "schedule": 1.0' in warning.hint


@pytest.mark.parametrize("options", [{}, None, {"queue": "x"}])
def test_an_entry_that_does_not_expire_is_told(schedule, options):
    assert schedule({**FLUSH, "options": options}) == ["cachedemo.W026"]


def test_of_several_entries_for_a_task_each_is_looked_at(celery):
    celery.beat_schedule = {"endless": {**FLUSH, "options": {}}, **celery.beat_schedule, "again": FLUSH}
    assert [message.id for message in checks.check_beat()] == ["cachedemo.W026"]


def test_entries_are_taken_in_the_forms_that_celery_takes(celery):
    entry = ScheduleEntry(name="flush", task=FLUSH["task"], schedule=1.0, options={"expires": 1.0}, app=celery_app)
    celery.beat_schedule |= {"flush": entry, "none": {"schedule": 5.0}}
    assert checks.check_beat() == []
    celery.beat_schedule["flush"] = ScheduleEntry(name="flush", task=FLUSH["task"], schedule=1.0, app=celery_app)
    assert [message.id for message in checks.check_beat()] == ["cachedemo.W026"]


def test_the_database_scheduler_needs_its_own_word(schedule, celery):
    celery.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    assert schedule(FLUSH) == ["cachedemo.W026"] * 3
    assert all("django-celery-beat drops `expires`" in warning.msg for warning in checks.check_beat())
    celery.beat_schedule = {
        name: {**entry, "options": {**entry["options"], "expire_seconds": 1}}
        for name, entry in celery.beat_schedule.items()
    }
    assert checks.check_beat() == []
    celery.beat_schedule = {}
    assert checks.check_beat() == [], "its entries may be in the database"


def test_without_a_queue_or_an_app_of_the_projects_nothing_is_missed(schedule, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(project, "project_settings", lambda: None)
        assert schedule(None) == []
    monkeypatch.setattr(registry, "_declared", {Tag: registry.cache_for(Tag)})
    assert schedule(None) == []
