"""Every action of the operators' pages is refused to those who may not do it, and then nothing has happened."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.core import signing
from django.test import Client, RequestFactory

from cachedemo import cache_for
from cachedemo.admin import tokens
from cachedemo.operations import keyspace, version_deletion
from cachedemo.operations.action_permissions import ACTIONS
from cachedemo.servers.roles import CACHE
from tests.operators import ALL, client_of, operator, url
from tests.scene import dead_letters, old_version
from users.models import User

BY_COMMAND = {"switch-off", "switch-on", "change-shards"}  # `cache_switch` and `cache_shards` alone do these
SHOWN_AT_ONCE = {"watch"}  # and kept nowhere
PERMISSIONS = {code: action.permission for code, action in ACTIONS.items() if code not in BY_COMMAND}


class Attempt(NamedTuple):
    """One action as the page would send it: its target, what was shown, and the fields of the form."""

    target: str
    shown: dict[str, Any]
    fields: dict[str, str]


def attempt(code: str) -> Attempt:
    """Return the attempt that would succeed, if it were allowed."""
    users = cache_for(User)
    old = {"model": "user", "version": "1"}
    queue = {"queue": "flush:users"}
    letters = {**queue, "letters": {pk: letter["at"] for pk, letter in users.table.queue.dead().items()}}
    return {
        "flushdb": Attempt(CACHE.address, {"keys": CACHE.command("DBSIZE")}, {"database": CACHE.address}),
        "count-keys": Attempt(CACHE.address, {}, {}),
        "count-version": Attempt("v1:user:", old, {}),
        "delete-version": Attempt("v1:user:", {**old, "keys": 300}, {}),
        "count-prefix": Attempt("v1:user:", {}, {}),
        "delete-prefix": Attempt("v1:user:", {"keys": 300}, {"prefix": "v1:user:"}),
        "watch": Attempt(next(iter(CACHE.servers())).address, {}, {}),
        "cancel-deletion": Attempt("v1:user:", old, {}),
        "flush-now": Attempt("flush:users", queue, {}),
        "pause": Attempt("flush:users", {**queue, "paused": False}, {}),
        "resume": Attempt("flush:users", {**queue, "paused": False}, {}),
        "retry-letters": Attempt("flush:users", letters, {"which": "all"}),
        "discard-letters": Attempt("flush:users", letters, {"which": "all"}),
        "delete-key": Attempt("v2:user:3", {}, {}),
        "set-ttl": Attempt("v2:user:3", {}, {"seconds": "7"}),
        "refresh-key": Attempt("v2:user:3", {}, {}),
    }[code]


def post(client: Client, user: Any, code: str, token: str | None = None, **headers: str) -> Any:
    tried = attempt(code)
    request = RequestFactory().get("/")
    request.user = user
    signed = tokens.issue(request, code, tried.target, **tried.shown) if token is None else token
    return client.post(url(code), {"token": signed, **tried.fields}, **headers)


@pytest.fixture
def busy(people: list[User], settings: Any, redis_queue: redis.Redis) -> None:
    """Something that each of the actions would change."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}
    users = cache_for(User)
    users.warm([1, 2, 3])
    old_version()
    users.via("write-behind").update(3, name="Caz")
    dead_letters()
    keyspace.keep()


Look = Callable[[], dict[str, Any]]


@pytest.fixture
def look(redis_cache: redis.Redis, redis_queue: redis.Redis) -> Look:
    """`look()` tells everything in both servers that an action could change: keys, values, lifetimes to the second."""

    def contents() -> dict[str, Any]:
        cached = {key: (redis_cache.get(key), redis_cache.ttl(key) > 10) for key in redis_cache.scan_iter(count=1000)}
        queued = {key: redis_queue.dump(key) for key in redis_queue.scan_iter(count=1000) if b"stats" not in key}
        return {"cached": cached, "queued": queued, "log": LogEntry.objects.count()}

    return contents


def test_without_its_permission(busy: None, look: Look) -> None:
    before = look()
    for code, permission in PERMISSIONS.items():
        user = operator(*(other for other in ALL if other != permission), name=code)
        assert post(client_of(user), user, code).status_code == 403, code
    assert look() == before


def test_by_get(busy: None, look: Look) -> None:
    client, before = client_of(operator(*ALL)), look()
    assert {code: client.get(url(code)).status_code for code in PERMISSIONS} == dict.fromkeys(PERMISSIONS, 405)
    assert look() == before


def test_without_csrf(busy: None, look: Look) -> None:
    user, before = operator(*ALL), look()
    client = client_of(user, enforce_csrf_checks=True)
    assert {code: post(client, user, code).status_code for code in PERMISSIONS} == dict.fromkeys(PERMISSIONS, 403)
    assert look() == before


def test_in_read_only_mode_even_to_a_superuser(busy: None, look: Look, settings: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "READ_ONLY": True}
    user, before = operator(*ALL), look()
    user.is_superuser = True
    user.save()
    client = client_of(user)
    assert {code: post(client, user, code).status_code for code in PERMISSIONS} == dict.fromkeys(PERMISSIONS, 403)
    assert look() == before


def test_to_strangers(busy: None, look: Look) -> None:
    user, before = operator(*ALL), look()
    for code in PERMISSIONS:
        answer = post(Client(), user, code)
        assert answer.status_code == 302, code
        assert answer.headers["Location"].startswith("/admin/login/")
    assert look() == before


def test_with_a_stale_token(busy: None, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    user, other = operator(*ALL), operator(*ALL, name="otto")
    client, before = client_of(user), look()
    for code in PERMISSIONS:
        for_another = signing.dumps(["another", user.pk, {"target": attempt(code).target}], salt=tokens._SALT)
        for token in ("", "made:up:token", for_another):
            assert "Nothing was done" in _words(post(client, user, code, token=token)), (code, token)
        assert "Nothing was done" in _words(post(client, other, code)), code  # shown to somebody else
        with monkeypatch.context() as later:
            later.setattr(tokens, "MAX_AGE", -1)
            assert "Nothing was done" in _words(post(client, user, code)), code
    assert look() == before


def _words(answer: Any) -> str:
    """Return what the redirect says on the next page."""
    assert answer.status_code == 302
    return " ".join(str(message) for message in answer.wsgi_request._messages)


@pytest.mark.parametrize("code", PERMISSIONS)
def test_but_done_for_those_who_may(busy: None, look: Look, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempts above fail for the reason that they name, not for one of their own."""
    asked = []
    monkeypatch.setattr("cachedemo.tasks.request_deletion", lambda *arguments: asked.append(arguments))
    if code == "cancel-deletion":
        version_deletion.begin(cache_for(User), "1", "olga")
    user = operator(PERMISSIONS[code], "view_cache")
    before = look()
    answer = post(client_of(user), user, code)
    if code in SHOWN_AT_ONCE:
        assert answer.status_code == 200
    else:
        assert "Nothing was done" not in _words(answer)
    assert look() != before
    (entry,) = LogEntry.objects.all()
    assert entry.user == user
    assert entry.object_id == code


@pytest.mark.parametrize("name", ["changelist", "versions", "keys", "live", "queue", "server", "danger", "history"])
def test_a_page_without_the_permission_to_see_it(people: list[User], name: str) -> None:
    assert client_of(operator(*ALL[1:])).get(url(name)).status_code == 403
    assert Client().get(url(name)).status_code == 302
    assert client_of(operator("view_cache", name="otto")).get(url(name)).status_code == (
        403 if name in ("keys", "live") else 200
    )
