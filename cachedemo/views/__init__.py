"""Views that serve a registered model over HTTP, and what they are made of, for views of a project's own."""

from cachedemo.views.changes import Changes, changes_in
from cachedemo.views.conditions import required_etag
from cachedemo.views.mixins import CachedCreateMixin, CachedMixin, CachedRowMixin
from cachedemo.views.problems import Problem, problem_of
from cachedemo.views.responses import many_response, read_response, write_response

__all__ = [
    "CachedCreateMixin",
    "CachedMixin",
    "CachedRowMixin",
    "Changes",
    "Problem",
    "changes_in",
    "many_response",
    "problem_of",
    "read_response",
    "required_etag",
    "write_response",
]
