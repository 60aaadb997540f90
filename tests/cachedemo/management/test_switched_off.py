"""What commands and tasks do while `CACHEDEMO["ENABLED"]` is False: upkeep ends well, other orders are errors."""

import io
import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cachedemo import tasks
from cachedemo.servers import roles
from tests.processes import Process

UPKEEP = [
    ("cache_drain",),
    ("cache_flush",),
    ("cache_audit",),
    ("cache_audit", "--sample", "5", "--repair"),
    ("cache_delete_version", "--previous"),
    ("cache_delete_version", "--previous", "--dry-run"),
    ("cache_dead_letters",),
    ("cache_ping",),
    ("cache_switch",),
]
ORDERS = [
    ("cache_delete_version", "note", "1"),
    ("cache_delete_version", "note", "1", "--dry-run"),
    ("cache_dead_letters", "retry", "1"),
    ("cache_dead_letters", "discard", "--all", "--yes"),
    ("cache_switch", "off"),
    ("cache_switch", "on", "--yes"),
]


@pytest.fixture(autouse=True)
def no_servers(settings: Any, transactional_db: None) -> Any:
    """Nothing else is set, so whoever asks a server is told that it has no URL."""
    settings.CACHEDEMO = {"ENABLED": False}
    roles.reset()
    yield
    roles.reset()


@pytest.mark.parametrize("words", UPKEEP, ids=" ".join)
def test_upkeep_has_nothing_to_do_and_says_so(words: tuple[str, ...]) -> None:
    said, also = io.StringIO(), io.StringIO()
    call_command(*words, stdout=said, stderr=also)
    assert "CACHEDEMO['ENABLED'] is False" in said.getvalue() + also.getvalue()
    assert "0 rows flushed" not in said.getvalue()  # as if somebody had looked


@pytest.mark.parametrize("words", ORDERS, ids=" ".join)
def test_what_names_a_thing_on_a_server_is_an_error(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="ENABLED"):
        call_command(*words, stderr=io.StringIO())


def test_a_loop_idles_until_it_is_told_to_end(run_code: Any) -> None:
    process: Process = run_code(
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        "settings.CACHEDEMO = {'ENABLED': False}\n"
        "call_command('cache_flush', '--loop')"
    )
    process.says("Idle until SIGTERM or Ctrl-C.", timeout=30)
    process.send_signal(signal.SIGTERM)
    assert process.finish(timeout=10).endswith("Ended.\n")


def test_celery_has_nothing_to_do(caplog: pytest.LogCaptureFixture) -> None:
    tasks.flush()
    tasks.flush("flush:notes")
    tasks.audit()
    tasks.scan()
    assert caplog.messages == []
