"""The documents, taken apart for the tests that hold them: blocks, links, tables, and words in code type.

A fenced block is a command block unless its language says that it is only to be looked at. A comment just before it
tells the test what to do with it:

    <!-- not run: reason -->        nothing, and why
    <!-- file: path -->             write the block to this file of the folder that the document's commands run in
    <!-- adds to: path -->          write it to the end of that file
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.environment import ROOT

SHOWN = {"text", "mermaid", "conf", "json", "http"}  # to look at
RUN = {"sh", "console", "python", "pycon"}

_FENCE = re.compile(
    r"(?:^<!-- (?P<what>not run|file|adds to): (?P<value>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced block: its language, what it holds, what the comment before it says, and its line."""

    language: str
    text: str
    what: str
    value: str
    line: int


class Document:
    """One Markdown file; `name` is its path from the top of the project."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = ROOT / name
        self.text = self.path.read_text()

    def __repr__(self) -> str:
        return self.name

    def blocks(self) -> list[Block]:
        return [
            Block(
                found["language"],
                found["text"],
                found["what"] or "",
                found["value"] or "",
                self.text.count("\n", 0, found.start("language")) + 1,
            )
            for found in _FENCE.finditer(self.text)
        ]

    @property
    def prose(self) -> str:
        """The document without its blocks and comments."""
        return re.sub(r"<!--.*?-->", "", _FENCE.sub("", self.text), flags=re.DOTALL)

    def code(self) -> list[str]:
        """What stands in code type outside of blocks."""
        return _CODE.findall(self.prose)

    def links(self) -> list[str]:
        return _LINK.findall(_CODE.sub("", self.prose))

    def anchors(self) -> set[str]:
        return {_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", self.text))}

    def tables(self, heading: str = "") -> list[list[list[str]]]:
        """Return the tables, or those below a heading: the cells of each row, without the heads."""
        begin = self.text.index(f"\n## {heading}\n") if heading else 0
        return [_cells(table) for table in re.findall(r"(?:^\|.*\|\n)+", self.text[begin:], re.MULTILINE)]


def _cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def documents() -> Iterator[Document]:
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*/*.md")]):
        yield Document(str(path.relative_to(ROOT)))
