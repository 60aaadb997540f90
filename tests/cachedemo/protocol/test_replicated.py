"""`replicas` where it cannot be kept is refused; where it can, see tests/faults/test_queue_replicas.py."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cachedemo.protocol import replicated
from cachedemo.servers.scripts import Script


def test_a_cluster_cannot_be_waited_for(settings: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": "redis+cluster://127.0.0.1:1"}
    with pytest.raises(ImproperlyConfigured, match="QUEUE_URL names a Redis Cluster"):
        replicated.pipeline([("GET", "a")], "a", 1)
    with pytest.raises(ImproperlyConfigured, match="QUEUE_URL names a Redis Cluster"):
        replicated.script(Script("any", "return 1"), ["a"], [], 1)
