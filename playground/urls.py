"""The playground's addresses, laid over those of the users; without open access each is what it is there, or a 404."""

from django.urls import path

from playground import bench_page, compare_page, demo_parts, lab_page, lesson_page, source_page, user_page
from users import converters as converters  # registers `pattern` and `row_id`

urlpatterns = [
    path("", lesson_page.start, name="lesson-start"),
    path("lesson/again/", lesson_page.again, name="lesson-again"),
    path("lesson/<slug:slug>/", lesson_page.lesson, name="lesson"),
    path("<pattern:pattern>/users/<row_id:pk>/", user_page.user, name="user"),
    path("<pattern:pattern>/users/<row_id:pk>/state/", user_page.state_of, name="user-state"),
    path("compare/", compare_page.compare, name="compare"),
    path("lab/", lab_page.index, name="lab"),
    path("lab/<slug:slug>/", lab_page.experiment, name="experiment"),
    path("lab/<slug:slug>/<slug:run>/", lab_page.run, name="experiment-run"),
    path("bench/", bench_page.bench, name="bench"),
    path("bench/<slug:run>/", bench_page.run, name="bench-run"),
    path("source/<path:file>", source_page.source, name="source"),
    path("demo/<slug:part>/<slug:action>/", demo_parts.act, name="demo-act"),
]
