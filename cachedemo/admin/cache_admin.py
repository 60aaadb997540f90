"""Which page is at which URL, and who may see it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from cachedemo import conf
from cachedemo.admin import danger, dead_letters, deletion, history, key, keys, overview, queue, server, versions
from cachedemo.admin.page import Page
from cachedemo.models import Cache

TABS = (
    ("changelist", "Overview"),
    ("versions", "Versions"),
    ("keys", "Keys"),
    ("queue", "Flush queue"),
    ("server", "Servers"),
    ("history", "History"),
    ("danger", "Danger zone"),
)


@admin.register(Cache)
class CacheAdmin(admin.ModelAdmin):
    """Has no rows: each page of its own asks the servers."""

    def get_urls(self) -> list[URLPattern]:
        page, act = self._page, self._act
        return [
            path("", page("changelist", overview.page), name="cachedemo_cache_changelist"),
            path("versions/", page("versions", versions.page), name="cachedemo_cache_versions"),
            path("versions/count/", act(deletion.count), name="cachedemo_cache_count-version"),
            path("versions/delete/", act(deletion.delete), name="cachedemo_cache_delete-version"),
            path("versions/cancel/", act(deletion.cancel), name="cachedemo_cache_cancel-deletion"),
            path("versions/<str:name>/<str:version>/", page("versions", deletion.page), name="cachedemo_cache_version"),
            path("keys/", page("keys", keys.page, "inspect_keys"), name="cachedemo_cache_keys"),
            path("keys/one/", page("keys", key.page, "inspect_keys"), name="cachedemo_cache_key"),
            path("keys/delete/", act(key.delete), name="cachedemo_cache_delete-key"),
            path("keys/ttl/", act(key.set_ttl), name="cachedemo_cache_set-ttl"),
            path("keys/refresh/", act(key.refresh), name="cachedemo_cache_refresh-key"),
            path("queue/", page("queue", queue.page), name="cachedemo_cache_queue"),
            path("queue/flush/", act(queue.flush_now), name="cachedemo_cache_flush-now"),
            path("queue/pause/", act(queue.pause_queue), name="cachedemo_cache_pause"),
            path("queue/resume/", act(queue.resume_queue), name="cachedemo_cache_resume"),
            path("queue/retry/", act(dead_letters.retry), name="cachedemo_cache_retry-letters"),
            path("queue/discard/", act(dead_letters.discard), name="cachedemo_cache_discard-letters"),
            path("server/", page("server", server.page), name="cachedemo_cache_server"),
            path("danger/", page("danger", danger.page), name="cachedemo_cache_danger"),
            path("danger/count/", act(danger.count), name="cachedemo_cache_count-keys"),
            path("danger/flushdb/", act(danger.empty), name="cachedemo_cache_flushdb"),
            path("history/", page("history", history.page), name="cachedemo_cache_history"),
        ]

    def _page(self, tab: str, view: Callable[..., Page], permission: str = "view_cache") -> Callable[..., Any]:
        def show(request: HttpRequest, **parts: str) -> HttpResponseBase:
            _need(request, "view_cache", permission)
            page = view(request, **parts)
            context = {
                **self.admin_site.each_context(request),
                "title": page.title,
                "tab": tab,
                "tabs": TABS,
                "read_only": conf.get("READ_ONLY"),
                **page.context,
            }
            request.current_app = self.admin_site.name
            return TemplateResponse(request, page.template(request), context)

        return self.admin_site.admin_view(show)

    def _act(self, view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
        return self.admin_site.admin_view(view)

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
