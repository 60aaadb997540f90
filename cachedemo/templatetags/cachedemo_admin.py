"""How the operators' pages write numbers and times."""

import re
import time
from datetime import UTC, datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from cachedemo import plurals

register = template.Library()

_TICKED = re.compile("`([^`]+)`")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@register.filter
def number(value: Any) -> str:
    """12345 -> 12,345; None -> a dash."""
    return "–" if value is None else f"{value:,}"


@register.filter
def counted(count: int, nouns: str) -> str:
    """1 and "keys" -> "1 key"; 2000 -> "2,000 keys"."""
    return plurals.counted(count, nouns.removesuffix("s"))


@register.filter
def span(seconds: Any) -> str:
    """Seconds in words: 0.25 -> 250 ms, 90 -> 2 min; None -> a dash."""
    if seconds is None:
        return "–"
    for size, unit in _UNITS:
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    if 0 < seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


@register.filter
def ago(at: Any) -> str:
    """Seconds since the epoch -> "3 s ago"."""
    return f"{span(max(0, round(time.time() - at)))} ago" if at else "never"


@register.filter
def moment(at: Any) -> datetime | None:
    """Seconds since the epoch -> a local time, for the date filter."""
    return timezone.localtime(datetime.fromtimestamp(at, UTC)) if at else None


@register.filter
def until(at: float) -> str:
    """Seconds since the epoch -> "in 3 s", or "3 s overdue"."""
    left = round(at - time.time())
    return f"in {span(left)}" if left >= 0 else f"{span(-left)} overdue"


@register.filter
def rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


@register.filter
def model_name(model: Any) -> str:
    """A model class -> its label in words."""
    return str(model._meta.label)


@register.filter
def key_link(row: Any, cache: Any) -> str:
    """A row that waits, and its model's cache -> the page of its key."""
    return f"{reverse('admin:cachedemo_cache_key')}?{urlencode({'key': cache.table.slots.key(row.pk)})}"


@register.filter
def coded(text: Any) -> SafeString:
    """A sentence as commands print it: what stands between backticks becomes code."""
    return mark_safe(_TICKED.sub(r"<code>\1</code>", escape(text)))
