"""Bodies as clients send them: with a charset, chunked, too long, under WSGI and ASGI."""

import io

import pytest
from asgiref.sync import async_to_sync
from django.core.wsgi import get_wsgi_application

from tests.users.api.calls import HUGE, JSON, one, problem

pytestmark = pytest.mark.usefixtures("people", "open_access")


def test_a_charset_in_the_content_type_is_fine(client):
    response = client.patch(one(), '{"name": "Zoë"}', content_type="application/json; charset=utf-8")
    assert response.json()["name"] == "Zoë"


def test_a_length_that_is_no_number_is_400(client):
    problem(client.generic("PATCH", one(), '{"name": "Al"}', JSON, CONTENT_LENGTH="many"), 400)


def test_the_api_works_under_asgi_too(async_client, users):
    async def patch(body: str):
        return await async_client.generic("PATCH", one(), body, JSON)

    assert async_to_sync(patch)('{"name": "Al"}').status_code == 200
    assert users.get(1).name == "Al"
    problem(async_to_sync(patch)(HUGE), 413)
    problem(async_to_sync(patch)("{"), 400)


class Stream(io.BytesIO):
    """A body that must not be read without a bound."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size < 100_000
        return super().read(size)


def test_a_chunked_body_is_read_and_bounded_although_it_has_no_length(users):
    def patch(body: bytes) -> str:
        environ = {
            "REQUEST_METHOD": "PATCH",
            "PATH_INFO": one(),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": JSON,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": Stream(body),
            "wsgi.input_terminated": True,
            "wsgi.url_scheme": "http",
        }
        statuses: list[str] = []
        response = get_wsgi_application()(environ, lambda status, headers: statuses.append(status[:3]))
        response.close()
        return statuses[0]

    assert patch(HUGE.encode()) == "413"
    assert users.get(1).name == "Alice Singh"
    assert patch(b'{"name": "Al"}') == "200"
    assert users.get(1).name == "Al"
