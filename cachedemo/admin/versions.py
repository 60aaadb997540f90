"""The versions of each registered model, and what else is in the cache's database."""

import time

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests, version_rows
from cachedemo.admin.page import Page, ask
from cachedemo.admin.shards import ask_with_shards
from cachedemo.operations import deletion_progress, history, keyspace
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE

LATEST = 5  # deletions listed below the tables


def page(request: HttpRequest) -> Page:
    caches = registry.registered()
    survey_kept = [("GET", ours(keyspace.KEY))]
    asked, told = ask_with_shards(survey_kept, caches, lambda _, shard: [("HGETALL", shard.key("versions"))])
    survey = keyspace.parse(asked.answers[0])
    rows = version_rows.rows(caches, [of_shards[0][0] for of_shards in told], survey)
    answers = ask(QUEUE, [("HGETALL", deletion_progress.key(row.cache, row.version)) for row in rows]).answers
    for row, answer in zip(rows, answers, strict=True):
        row.deletion = deletion_progress.parse(answer or {})
    context = {
        "now": time.time(),
        "problems": [asked.problem] if asked.problem else [],
        "models": [(cache, [row for row in rows if row.cache is cache]) for cache in caches],
        "survey": survey,
        "queue_answers": asked.up,
        "foreign": keyspace.foreign(survey),
        "cancels": {row.prefix: _cancel(request, row) for row in rows if row.deletion and row.deletion.running},
        "latest": history.events(history.entries().filter(object_id="delete-version")[:LATEST]),
        "may_delete": action_requests.allowed(request, "count-version"),
    }
    return Page("versions", "Versions", context, live=True)


def _cancel(request: HttpRequest, row: version_rows.VersionRow) -> action_requests.Button:
    return action_requests.button(request, "cancel-deletion", "Cancel", row.prefix, model=row.name, version=row.version)
