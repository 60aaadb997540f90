"""The Celery app of a worker, with registrations that wait for as many replicas as REPLICAS says."""

import os
from importlib import import_module

import django

from config.celery import app

django.setup()
import_module("tests.faults.jobs").wait_for_replicas(int(os.environ["REPLICAS"]))

__all__ = ["app"]
