"""The playground's addresses. Without OPEN_ACCESS each of them is a 404."""

from django.urls import path

from playground import bench_page, compare_page, controls, lab_page, source_page, user_page

urlpatterns = [
    path("<pattern:pattern>/users/<row_id:pk>/state/", user_page.state_of, name="user-state"),
    path("compare/", compare_page.compare, name="compare"),
    path("lab/", lab_page.index, name="lab"),
    path("lab/<slug:slug>/", lab_page.experiment, name="experiment"),
    path("lab/<slug:slug>/<slug:run>/", lab_page.run, name="experiment-run"),
    path("bench/", bench_page.bench, name="bench"),
    path("bench/<slug:run>/", bench_page.run, name="bench-run"),
    path("source/<path:file>", source_page.source, name="source"),
    path("demo/parts/", controls.parts, name="demo-parts"),
    path("demo/<slug:part>/<slug:action>/", controls.act, name="demo-act"),
]
