"""Child processes of tests ask the servers that the tests ask: the environment says where they are."""

import os
from typing import Any

from django.conf import settings

SERVERS = "CACHEDEMO_TEST_SERVERS"  # in os.environ: the URLs of cache and queue


def places() -> dict[str, Any]:
    """Return where the servers are, as entries of `CACHEDEMO`; the options of the project's own are not for these."""
    cache, queue = os.environ[SERVERS].split()
    return {"CACHE_URL": cache, "QUEUE_URL": queue, "CACHE_OPTIONS": {}, "QUEUE_OPTIONS": {}}


def follow() -> None:
    """Have the settings lead there, if the process that has started this one runs tests on servers of their own."""
    if SERVERS in os.environ:
        settings.CACHEDEMO = {**getattr(settings, "CACHEDEMO", {}), **places()}
