"""What the tests of the operators' pages share: people with permissions, forms as a browser sends them."""

import re
from html import unescape
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

ALL = ("view_cache", "inspect_keys", "delete_version", "manage_queue", "flush_db")
PAGES = ("changelist", "versions", "keys", "live", "queue", "server", "danger", "history")


def operator(*permissions: str, name: str = "olga") -> Any:
    """Return a member of the staff with these permissions and no others."""
    from django.contrib.auth.models import Permission  # a conftest imports this module before there are settings

    user = get_user_model().objects.create_user(name, is_staff=True)
    granted = Permission.objects.filter(content_type__app_label="cachedemo", codename__in=permissions)
    assert len(granted) == len(permissions)
    user.user_permissions.set(granted)
    return user


def client_of(user: Any, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def url(name: str, *arguments: str) -> str:
    return reverse(f"admin:cachedemo_cache_{name}", args=arguments)


def token(page: HttpResponse, action: str, number: int = 0) -> str:
    """Return the token that a page carries for an action, from whichever form or button sends it."""
    html = unescape(page.content.decode())
    where = re.escape(url(action))
    forms = re.findall(rf'<form[^>]*action="{where}".*?name="token" value="([^"]+)"', html, re.DOTALL)
    forms += re.findall(rf'formaction="{where}" name="token" value="([^"]+)"', html)
    assert forms, f"no form for {action} on the page"
    return forms[number]


def text(page: HttpResponse) -> str:
    """Return a page's words, white space collapsed."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def press(client: Client, page: str, action: str, number: int = 0, **fields: str) -> str:
    """Send the form for an action that stands on a page; return what the next page says."""
    form = {"token": token(client.get(page), action, number), **fields}
    return text(client.post(url(action), form, follow=True))


def key_page(key: str) -> str:
    return f"{url('key')}?key={key}"
