"""Gunicorn's settings for the example project: `gunicorn --config deploy/gunicorn.conf.py config.wsgi`."""

import os

bind = os.environ.get("BIND", "0.0.0.0:8000")
# A hit waits for a server most of its time, so threads pay; a connection to each server belongs to each thread.
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
worker_class = "gthread"
# Longer than the longest wait of a request (docs/operating.md, Timeouts), and than a proxy's own keepalive.
timeout = 60
keepalive = 75
graceful_timeout = 30
# The heartbeat file must not be on a disk that may be slow.
worker_tmp_dir = "/dev/shm"
accesslog = "-"
