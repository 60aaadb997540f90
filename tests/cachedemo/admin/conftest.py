"""What the tests of the operators' pages start from: three people in the database, and an operator who may do all."""

from typing import Any

import pytest
from django.test import Client

from tests.operators import ALL, client_of, operator


@pytest.fixture
def users(people: list[Any], users: Any) -> Any:
    """The cache of the example's model, with the three people in the database."""
    return users


@pytest.fixture
def client(people: list[Any]) -> Client:
    """The browser of an operator with every permission."""
    return client_of(operator(*ALL))
