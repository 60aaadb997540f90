"""Django's error pages and mails, without the passwords in URLs.

    DEFAULT_EXCEPTION_REPORTER_FILTER = "cachedemo.servers.password_hiding.HidesPasswordsInUrls"

Django hides settings by their names, and no name of a URL says that there is a password in it.
"""

import re
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from cachedemo.servers import urls

# Up to the last @, since a password may have one that is not encoded.
_IN_URL = re.compile(r"([a-z][a-z0-9+.-]*://[^:@/\s]*):\S*@", re.IGNORECASE)
_USER = re.compile(r"://[^/?]*@")
_IN_QUERY = re.compile(r"((?:[?&]|ssl_|sentinel_)password=)[^&\s'\"]*", re.IGNORECASE)
_OF_USER = re.compile(r"://[^:/@]*:(.*)@")
_OF_QUERY = re.compile(r"password=([^&#\s]*)", re.IGNORECASE)
_HIDDEN = "********"
_SHORT = 6  # what is shorter may be part of any text


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
    for url in _ours():
        value = value.replace(url, _shown(url))
    for secret in _secrets():
        value = value.replace(secret, _HIDDEN) if len(secret) >= _SHORT or value == secret else value
    return _IN_QUERY.sub(rf"\g<1>{_HIDDEN}", _IN_URL.sub(rf"\g<1>:{_HIDDEN}@", value))


def _configured() -> dict[str, Any]:
    configured = getattr(settings, "CACHEDEMO", {})
    return configured if isinstance(configured, dict) else {}


def _ours() -> list[str]:
    """Return our own URLs, whatever stands there in their place: nobody can tell where a password ends in those."""
    found = [_configured().get(f"{role}_URL") for role in ("CACHE", "QUEUE")]
    return [url for url in found if isinstance(url, str) and url]


def _secrets() -> list[str]:
    """Return our own passwords: in the frames of redis-py they stand alone, under names that say nothing of them."""
    in_urls = [found for url in _ours() for found in (_OF_USER.findall(url) + _OF_QUERY.findall(url))]
    options = [_configured().get(f"{role}_OPTIONS") for role in ("CACHE", "QUEUE")]
    named = [each for some in options if isinstance(some, dict) for name, each in some.items() if _is_password(name)]
    found = {*in_urls, *map(unquote, in_urls), *filter(_is_text, named), _configured().get("METRICS_TOKEN")}
    return sorted((each for each in found if _is_text(each)), key=len, reverse=True)  # one may begin as another


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _shown(url: str) -> str:
    """Return what may be shown of a URL of ours: of one that cannot be read nothing, else all but user and password."""
    return _HIDDEN if urls.problem(url) is not None else _USER.sub(f"://{_HIDDEN}@", url)


def _masked_in_frame(value: Any) -> Any:
    """Do the same for what holds texts, such as the arguments of a connection in the frames of redis-py."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_in_frame(each) for each in value]
    if isinstance(value, bytes | bytearray) and any(secret.encode() in value for secret in _secrets()):
        return _HIDDEN
    if not isinstance(value, dict):
        return _masked(value)
    return {name: _HIDDEN if _is_password(name) else _masked_in_frame(each) for name, each in value.items()}


def _is_password(name: Any) -> bool:
    return isinstance(name, str) and "password" in name.lower()
