"""The versions of each registered model, and what else is in the cache's database."""

import time

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests, version_rows
from cachedemo.admin.page import Page, ask
from cachedemo.operations import deletion_progress, history, keyspace
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE

LATEST = 5  # deletions listed below the tables


def page(request: HttpRequest) -> Page:
    caches = registry.registered()
    asked = ask(QUEUE, [("GET", ours(keyspace.KEY)), *version_rows.queries(caches)])
    survey = keyspace.parse(asked.answers[0])
    rows = version_rows.rows(caches, asked.answers[1:], survey)
    answers = ask(QUEUE, [("HGETALL", deletion_progress.key(row.cache, row.version)) for row in rows]).answers
    for row, answer in zip(rows, answers, strict=True):
        row.deletion = deletion_progress.parse(answer or {})
    context = {
        "now": time.time(),
        "problems": [asked.problem] if asked.problem else [],
        "models": [(cache, [row for row in rows if row.cache is cache]) for cache in caches],
        "survey": survey,
        "foreign": keyspace.foreign(survey),
        "cancels": {row.prefix: _cancel(request, row) for row in rows if row.deletion and row.deletion.running},
        "latest": history.events(history.entries().filter(object_id="delete-version")[:LATEST]),
        "may_delete": action_requests.allowed(request, "count-version"),
    }
    return Page("versions", "Versions", context, live=True)


def _cancel(request: HttpRequest, row: version_rows.VersionRow) -> action_requests.Button:
    return action_requests.button(request, "cancel-deletion", "Cancel", row.prefix, model=row.name, version=row.version)
