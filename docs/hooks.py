"""What the site needs of MkDocs besides its settings in `mkdocs.yml`: pages from outside of `docs/`, and diagrams.

The documents are written for a reader of the repository, so their links are paths in it. Here they become links between
pages. A link to a file that is no page of the site stays as it is, and so fails the build.
"""

import posixpath
import re
from importlib.metadata import files
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# Files of the repository that are not in docs/ -> where they are in the site.
OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.txt",
    "examples/shop/README.md": "shop.md",
}
INSIDE = {page: file for file, page in OUTSIDE.items()}
MERMAID = "mermaid.js"  # mermaid's own file, which mermaidx ships: from here, and not from another site

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside of `docs/`, and what draws the diagrams."""
    for file, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    files.append(File.generated(config, MERMAID, abs_src_path=str(_mermaid())))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Make paths in the repository links between pages; a page with a diagram loads what draws it."""
    uri = page.file.src_uri
    here = posixpath.dirname(INSIDE.get(uri, f"docs/{uri}"))

    def link(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(here, found[1]))
        target = OUTSIDE.get(path, path.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(uri) or ".")

    linked = _LINK.sub(link, markdown)
    if "```mermaid" not in markdown:
        return linked
    scripts = (posixpath.relpath(script, posixpath.dirname(uri) or ".") for script in (MERMAID, "diagrams.js"))
    return "\n\n".join([linked, *(f'<script src="{script}"></script>' for script in scripts)])


def _mermaid() -> Path:
    return next(Path(str(file.locate())) for file in files("mermaidx") or [] if file.name == MERMAID)
