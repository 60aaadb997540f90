"""The first page: whether all is well, in tiles and curves. It asks each server once, in `snapshot.py`."""

from django.conf import settings
from django.http import HttpRequest

from cachedemo import conf
from cachedemo.admin import faults, model_ratios, overview_charts, snapshot, tiles
from cachedemo.admin.page import Page
from cachedemo.admin.ranges import AT_FIRST, RANGES
from cachedemo.operations import keyspace, switch
from cachedemo.servers.roles import CACHE


def page(request: HttpRequest) -> Page:
    chosen = request.GET.get("range", AT_FIRST)
    chosen = chosen if chosen in RANGES else AT_FIRST
    over = RANGES[chosen]
    seen = snapshot.look(over)
    wrong = faults.faults(seen)
    problems = [answers.problem for answers in (seen.cache, seen.queue) if answers.problem]
    context = {
        "now": seen.now,
        "range": chosen,
        "ranges": RANGES,
        "over": over,
        "problems": problems,
        "faults": wrong,
        "elsewhere": seen.elsewhere,
        "switched": [switch.words(str(each.cache.queue), each.closed) for each in seen.waiting if each.closed],
        "tiles": tiles.tiles(seen),
        "charts": overview_charts.charts(seen, over),
        "models": model_ratios.ratios(seen),
        "versions": seen.versions,
        "survey": seen.survey,
        "queue_answers": seen.queue.up,
        "foreign": sum(group.keys for group in keyspace.foreign(seen.survey)),
        "keys": seen.cache.answers[1],
        "pending": sum(waiting.depth for waiting in seen.waiting) if seen.queue.up else None,
        "database": CACHE.address,
        "allow_flushdb": conf.get("ALLOW_FLUSHDB"),
        "time_zone": settings.TIME_ZONE,
    }
    return Page("overview", "Cache", context, live=True)
