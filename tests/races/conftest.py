"""What every race needs: actors that stop before each step of the protocol."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest


@pytest.fixture
def actor(transactional_db: None) -> Iterator[Callable[..., Any]]:
    """`actor(work)` is a thread under the test's control, ended with the test; see tests/interleaving.py."""
    from tests.interleaving import interleaving

    with interleaving() as actor:
        yield actor


@pytest.fixture
def late_marks(actor: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """The mark and the stamp of a write-through are under way at the same time: here the mark comes second."""
    from cachedemo.servers import roles
    from tests.interleaving import late

    if request.config.getoption("--cluster"):
        pytest.skip("in a cluster the mark goes first")
    with mock.patch.object(roles.Role, "begin_script", late):  # over that of the actors, and gone before it
        yield
