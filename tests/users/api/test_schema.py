"""The HTTP API against its own schema: whatever is sent, no 5xx, and no answer that the schema does not know."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi import checks as openapi

from config.wsgi import application

EXAMPLES = 25  # for each operation

# Whatever is refused beyond the schema (a NUL in a name, an address twice) is refused with an answer that it knows.
CHECKS = (
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
)


@pytest.fixture
def api(people, settings):
    """The schema as it is served, with people whom anybody may write."""
    settings.OPEN_ACCESS = True
    settings.ALLOWED_HOSTS = ["*"]
    return schemathesis.openapi.from_wsgi("/api/openapi.json", application)


def test_every_answer_is_in_the_schema(api):
    operations = [result.ok() for result in api.get_all_operations()]
    assert {operation.method for operation in operations} == {"get", "put", "patch", "delete", "post"}
    for operation in operations:
        answers_are_in_the_schema(operation)


def answers_are_in_the_schema(operation):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def call(case):
        case.call_and_validate(checks=CHECKS)

    call()
