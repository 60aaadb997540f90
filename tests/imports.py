"""Which file of a tree imports which other, read from the source code: imports inside functions and for types too."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


class Tree:
    """The modules of some packages below a folder, by their dotted names.

    `from package import name` imports the module `package.name` if there is one, and else the package's `__init__`.
    A package's `__init__` that Python runs on the way to one of its modules is not counted.
    """

    def __init__(self, root: Path, packages: tuple[str, ...]) -> None:
        self._packages = set[str]()
        self.files = dict[str, Path]()
        for path in (path for package in packages for path in (root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
                self._packages.add(".".join(parts))
            self.files[".".join(parts)] = path

    def graph(self) -> dict[str, set[str]]:
        """Return for each module those of the tree that it imports."""
        return {module: {name for name in self.imports(module) if name in self.files} for module in self.files}

    def circle(self) -> list[str] | None:
        """Return some modules of which each imports the next and the last is the first, or None where none do."""
        try:
            TopologicalSorter(self.graph()).prepare()
        except CycleError as error:
            return list(reversed(error.args[1]))  # it has each before those that import it
        return None

    def imports(self, module: str) -> Iterator[str]:
        """Yield the dotted name of whatever a module imports, of the tree or not."""
        for node in ast.walk(ast.parse(self.files[module].read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(module, node)
                for alias in node.names:
                    below = f"{origin}.{alias.name}"
                    yield below if below in self.files else origin

    def _origin(self, module: str, node: ast.ImportFrom) -> str:
        """Return where a `from … import` takes its names from, dots at its beginning resolved."""
        if not node.level:
            return node.module or ""
        up = node.level - (module in self._packages)
        base = module.rsplit(".", up)[0] if up else module
        return f"{base}.{node.module}" if node.module else base
