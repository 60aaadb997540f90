"""A cluster of six servers for the tests of this folder, started when the first of them asks for it."""

import pytest

from cachedemo.servers import roles
from tests.clusters import Cluster
from tests.helpers import until


@pytest.fixture(scope="session")
def six_servers(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(six_servers, settings):
    """Three primaries with a replica each, empty, as the cache of this test."""
    for node in six_servers.nodes:
        node.start()  # what another test has killed
    until(six_servers.is_whole, 60)
    six_servers.flush()
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": six_servers.url}
    roles.reset()
    yield six_servers
    roles.reset()
