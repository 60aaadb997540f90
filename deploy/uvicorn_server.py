"""Uvicorn with its settings, for views that are coroutines (`aget` and the others): `python deploy/uvicorn_server.py`.

Beside it, gunicorn's settings are in gunicorn.conf.py. A process has one event loop, and that keeps one core busy.
"""

import os
import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if __name__ == "__main__":
    host, _, port = os.environ.get("BIND", "0.0.0.0:8000").rpartition(":")
    uvicorn.run(
        "config.asgi:application",
        host=host,
        port=int(port),
        workers=int(os.environ.get("WEB_WORKERS", "2")),
        timeout_keep_alive=75,  # longer than a proxy keeps an idle connection
        timeout_graceful_shutdown=30,  # then a request that still runs is cut off
        limit_concurrency=1000,  # more get 503 at once, in place of waiting for one loop
        lifespan="off",  # Django has none
        proxy_headers=False,  # Django reads X-Forwarded-Proto itself
        log_level=os.environ.get("LOG_LEVEL", "info").lower(),
    )
