"""What the queue keeps is said in words, and a warning where it is less than the promise."""

import pytest

from cachedemo import announce_all
from cachedemo.servers import queue_durability
from tests.servers import without_memory


@pytest.fixture
def configure(redis_queue):
    before = {}

    def change(name, value):
        before.setdefault(name, redis_queue.config_get(name)[name])
        redis_queue.config_set(name, value)

    yield change
    for name, value in before.items():
        redis_queue.config_set(name, value)


def test_the_promise_holds_with_fsync_on_every_write_and_no_eviction():
    queue = queue_durability.of_queue()
    assert queue.persistence == "appendfsync always"
    assert queue.promise == "No acknowledged write is lost when the queue server is killed."
    assert queue.warnings == []
    assert queue.server.split()[0] in ("Valkey", "Redis")


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("appendfsync", "everysec", "Up to 2 s of acknowledged writes are lost"),
        ("appendfsync", "no", "operating system"),
        ("appendonly", "no", "Every acknowledged write that still waits is lost"),
        ("no-appendfsync-on-rewrite", "yes", "While the queue server rewrites its append-only file"),
        ("maxmemory-policy", "allkeys-lru", "may evict acknowledged writes"),
    ],
)
def test_less_is_a_warning_with_the_mend_also_when_a_process_starts(configure, name, value, warning, caplog, db):
    configure(name, value)
    [said] = queue_durability.of_queue().warnings
    assert warning in said
    assert "et `" in said
    announce_all()
    assert warning in caplog.text


def test_a_server_that_does_not_tell_is_said_to_be_unknown(monkeypatch):
    from cachedemo.servers import roles
    from cachedemo.servers.server_errors import Error

    command = roles.Role.command

    def forbid(role, *words):
        if words[0] == "CONFIG":
            raise Error("unknown command 'CONFIG'")
        return command(role, *words)

    monkeypatch.setattr(roles.Role, "command", forbid)
    assert queue_durability.of_queue().persistence == "unknown"


def test_a_full_queue_is_a_warning_for_whoever_looks(redis_queue):
    with without_memory(redis_queue):
        [said] = queue_durability.of_queue().warnings
    assert "is full" in said
