"""A bad network before PostgreSQL, for the load's clients: what is not known to be committed is not acknowledged."""

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.postgres import Postgres, find
from tests.faults.proxy import Proxy
from tests.faults.run import Load
from tests.helpers import missing, until

DEADLINE = 0.3  # seconds, for leases, marks, claims and what is owed
# What the last request of each looks like; `save` is one statement that commits by itself.
WRITES = [("cache-aside update", b"COMMIT"), ("write-through update", b"COMMIT"), ("save", b"UPDATE")]
UNKNOWN = {"OutcomeUnknown", "OperationalError"}  # the latter is Django's own, from `save`


@pytest.fixture(scope="module")
def postgres():
    if find("initdb") is None:
        missing("PostgreSQL's server (Debian, Ubuntu: apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="cachedemo-postgres-"))
    folder.chmod(0o755)
    try:
        with Postgres(folder / "server") as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def network(postgres):
    with Proxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def on_postgres(postgres, network, tmp_path_factory):
    """A nursery whose jobs reach PostgreSQL through the proxy."""
    log = tmp_path_factory.mktemp("postgres") / "log"
    nursery = Nursery(log, DATABASE_URL=postgres.url(network.port))
    nursery.start("tests.faults.jobs:tables").result()
    yield nursery
    nursery.end()


@pytest.fixture
def rows(on_postgres, network):
    network.end()
    on_postgres.start("tests.faults.jobs:empty_table").result()


def act(nursery, role):
    return nursery.start("tests.faults.roles:attempt", role=role, deadline=DEADLINE)


@pytest.fixture
def row(rows, on_postgres):
    on_postgres.start("tests.faults.roles:one_row", deadline=DEADLINE).result()


def state(nursery):
    """What readers and the table say of the row once it has come to rest."""
    return nursery.start("tests.faults.roles:state_at_rest", deadline=DEADLINE).result()


@pytest.mark.parametrize(("role", "commit"), WRITES)
def test_a_commit_whose_answer_is_lost_is_not_acknowledged(role, commit, on_postgres, network, row):
    network.begin("reset after", when=commit, times=1)
    assert act(on_postgres, role).result() in UNKNOWN
    assert state(on_postgres) == ["a1", "a1"]


@pytest.mark.parametrize(("role", "commit"), WRITES)
def test_a_commit_that_never_arrived_is_not_acknowledged(role, commit, on_postgres, network, row):
    network.begin("reset", when=commit, times=1)
    assert act(on_postgres, role).result() in UNKNOWN
    assert state(on_postgres) == ["a0", "a0"]


@pytest.mark.parametrize("role", ["cache-aside update", "delete"])
def test_a_commit_without_an_answer_is_not_acknowledged(role, on_postgres, network, row):
    network.begin("black hole", when=b"COMMIT", times=1)
    job = act(on_postgres, role)
    until(network.struck.is_set)
    network.end()  # the connection is cut at last
    assert job.result() == "OutcomeUnknown"
    expected = None if role == "delete" else "a1"
    assert state(on_postgres) == [expected, expected]


@pytest.mark.parametrize("role", ["cache-aside update", "write-through update"])
def test_a_write_that_never_got_to_its_commit_was_not_done(role, on_postgres, network, row):
    network.begin("reset", when=b"UPDATE", times=1)
    assert act(on_postgres, role).result() == "SourceUnavailable"
    assert state(on_postgres) == ["a0", "a0"]


def test_a_mixed_load_over_a_bad_network(on_postgres, network, rows, tmp_path):
    load = Load(on_postgres, tmp_path, deadline=1.0)
    load.begin()
    faults = itertools.product(("latency", "reset", "reset after", "black hole"), (b"", b"COMMIT"))
    for fault, when in faults:
        load.go_on(30)
        network.begin(fault, when=when, delay=0.02, times=2)
        until(lambda: network.times <= 0, timeout=20)
        network.end()
    load.go_on(50)
    report = load.end()
    assert not report.violations, str(report)
    assert report.errors["OutcomeUnknown"] > 0
