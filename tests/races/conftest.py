"""What every race needs: actors that stop before each step of the protocol."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def actor(transactional_db: None) -> Iterator[Callable[..., Any]]:
    """`actor(work)` is a thread under the test's control, ended with the test; see tests/interleaving.py."""
    from tests.interleaving import interleaving

    with interleaving() as actor:
        yield actor
