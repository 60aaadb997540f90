"""Who may see what monitoring sees: `METRICS_FOR`, `METRICS_TOKEN`, the staff, and everybody under DEBUG."""

import ipaddress
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from cachedemo import conf

# The address of a request that somebody has forwarded is that of the proxy, which says nothing of who has asked.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def may_watch(request: HttpRequest) -> bool:
    """Say whether the details of the servers are for whoever sends this request."""
    return settings.DEBUG or _comes_from_a_network(request) or _has_token(request) or is_staff(request)


def _comes_from_a_network(request: HttpRequest) -> bool:
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        address: Any = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # a server behind a socket file knows no address
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(network, strict=False) for network in conf.get_valid("METRICS_FOR"))


def _has_token(request: HttpRequest) -> bool:
    token = conf.get_valid("METRICS_TOKEN")
    return bool(token) and constant_time_compare(request.META.get("HTTP_AUTHORIZATION", ""), f"Bearer {token}")


def is_staff(request: HttpRequest) -> bool:
    """Look for the user only where there is a session, and ask nobody twice if the database is down."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not hasattr(request, "user"):
        return False
    try:
        return bool(request.user.is_active and request.user.is_staff)
    except DatabaseError:
        return False
