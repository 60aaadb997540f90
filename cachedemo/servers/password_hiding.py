"""Django's error pages and mails, without the passwords in URLs.

    DEFAULT_EXCEPTION_REPORTER_FILTER = "cachedemo.servers.password_hiding.HidesPasswordsInUrls"

Django hides settings by their names, and no name of a URL says that there is a password in it.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

# Up to the last @, since a password may have one that is not encoded.
_IN_URL = re.compile(r"([a-z][a-z0-9+.-]*://[^:@/\s]*):\S*@", re.IGNORECASE)
_IN_QUERY = re.compile(r"((?:[?&]|ssl_|sentinel_)password=)[^&\s'\"]*", re.IGNORECASE)
_HIDDEN = "********"


class HidesPasswordsInUrls(SafeExceptionReporterFilter):
    """Django's own filter, which also hides the password in every URL."""

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        return _masked(super().cleanse_setting(key, value))

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, _masked_in_frame(value)) for name, value in variables]


def _masked(value: Any) -> Any:
    """Return a text without the passwords in it; anything else as it is."""
    if not isinstance(value, str):
        return value
    return _IN_QUERY.sub(rf"\g<1>{_HIDDEN}", _IN_URL.sub(rf"\g<1>:{_HIDDEN}@", value))


def _masked_in_frame(value: Any) -> Any:
    """Do the same for the arguments of a connection, which are a dict in the frames of redis-py."""
    if not isinstance(value, dict):
        return _masked(value)
    return {name: _HIDDEN if _is_password(name) else _masked(each) for name, each in value.items()}


def _is_password(name: Any) -> bool:
    return isinstance(name, str) and "password" in name.lower()
