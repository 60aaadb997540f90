"""The code that took a step, with the line marked. Only cachedemo's own files and the example's, never another."""

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

import cachedemo
from playground.access import playground_page

ROOT = Path(cachedemo.__file__).resolve().parent.parent
PACKAGES = ("cachedemo", "users", "playground")
ENDINGS = (".py", ".lua")


@playground_page()
def source(request: HttpRequest, file: str) -> HttpResponse:
    """Show a file; the address's fragment names the line."""
    path = (ROOT / file).resolve()
    allowed = any(path.is_relative_to(ROOT / package) for package in PACKAGES) and path.suffix in ENDINGS
    if not allowed or not path.is_file():
        raise Http404(f"{file} is none of the files that are shown.")
    lines = list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    return render(request, "playground/source.html", {"file": file, "lines": lines})
