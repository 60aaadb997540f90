"""Which page is at which URL, and who may see it."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from cachedemo import conf
from cachedemo.admin import (
    danger,
    dead_letters,
    deletion,
    history,
    key,
    key_actions,
    keys,
    live,
    overview,
    prefix_actions,
    queue,
    server,
    versions,
)
from cachedemo.admin.action_requests import ActionView
from cachedemo.admin.page import REFRESH_AT_FIRST, REFRESH_CHOICES, Page
from cachedemo.admin.tabs import TABS
from cachedemo.models import Cache
from cachedemo.servers import test_runs


@admin.register(Cache)
class CacheAdmin(admin.ModelAdmin):
    """Has no rows: each of its pages asks the servers."""

    def get_urls(self) -> list[URLPattern]:
        page, action = self._page, self._action
        return [
            path("", page("changelist", overview.page), name="cachedemo_cache_changelist"),
            path("versions/", page("versions", versions.page), name="cachedemo_cache_versions"),
            action("versions/count/", deletion.count),
            action("versions/delete/", deletion.delete),
            action("versions/cancel/", deletion.cancel),
            path("versions/<str:name>/<str:version>/", page("versions", deletion.page), name="cachedemo_cache_version"),
            path("keys/", page("keys", keys.page, "inspect_keys"), name="cachedemo_cache_keys"),
            path("keys/one/", page("keys", key.page, "inspect_keys"), name="cachedemo_cache_key"),
            action("keys/prefix/count/", prefix_actions.count),
            action("keys/prefix/delete/", prefix_actions.delete),
            action("keys/delete/", key_actions.delete),
            action("keys/ttl/", key_actions.set_ttl),
            action("keys/refresh/", key_actions.refresh),
            path("queue/", page("queue", queue.page), name="cachedemo_cache_queue"),
            action("queue/flush/", queue.flush_now),
            action("queue/pause/", queue.pause_queue),
            action("queue/resume/", queue.resume_queue),
            action("queue/retry/", dead_letters.retry),
            action("queue/discard/", dead_letters.discard),
            path("server/", page("server", server.page), name="cachedemo_cache_server"),
            path("live/", page("live", live.page, "inspect_keys"), name="cachedemo_cache_live"),
            action("live/watch/", live.watch),
            path("danger/", page("danger", danger.page), name="cachedemo_cache_danger"),
            action("danger/count/", danger.count),
            action("danger/flushdb/", danger.empty),
            path("history/", page("history", history.page), name="cachedemo_cache_history"),
        ]

    def _page(self, tab: str, view: Callable[..., Page], permission: str = "view_cache") -> Callable[..., Any]:
        def show(request: HttpRequest, **parts: str) -> HttpResponseBase:
            _need(request, "view_cache", permission)
            test_runs.use_all_servers()
            return self._shown(request, tab, view(request, **parts))

        return self.admin_site.admin_view(show)

    def _shown(self, request: HttpRequest, tab: str, page: Page) -> HttpResponseBase:
        context = {
            **self.admin_site.each_context(request),
            "title": page.title,
            "tab": tab,
            "tabs": TABS,
            "refresh_choices": REFRESH_CHOICES,
            "refresh_at_first": REFRESH_AT_FIRST,
            "read_only": conf.get("READ_ONLY"),
            "switched_off": not conf.is_enabled(),
            "htmx": apps.is_installed("django_htmx"),  # a manifest of static files raises for what it has not
            **page.context,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, page.template(request), context)

    def _action(self, route: str, action: ActionView) -> URLPattern:
        def act(request: HttpRequest) -> HttpResponseBase:
            test_runs.use_all_servers()
            answer = action.view(request)
            return self._shown(request, answer.name, answer) if isinstance(answer, Page) else answer

        return path(route, self.admin_site.admin_view(require_POST(act)), name=f"cachedemo_cache_{action.code}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cachedemo.view_cache")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("cachedemo.view_cache")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _need(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms([f"cachedemo.{permission}" for permission in permissions]):
        raise PermissionDenied
