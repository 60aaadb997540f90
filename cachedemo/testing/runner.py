"""A runner for `manage.py test` on embedded servers."""

from contextlib import ExitStack
from typing import Any

from django.test.runner import DiscoverRunner

from cachedemo.testing.servers import embedded_servers


class EmbeddedServersRunner(DiscoverRunner):
    """Django's own runner, whose tests use embedded servers: `TEST_RUNNER = "cachedemo.testing.EmbeddedServersRunner"`.

    The processes of `--parallel` share them.
    """

    def setup_test_environment(self, **kwargs: Any) -> None:
        super().setup_test_environment(**kwargs)
        self._servers = ExitStack()
        self._servers.enter_context(embedded_servers())

    def teardown_test_environment(self, **kwargs: Any) -> None:
        self._servers.close()
        super().teardown_test_environment(**kwargs)
