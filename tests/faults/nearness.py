"""Which tests are nearest to a file of the product, by imports: these notice a fault in it first."""

import ast
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("mqtt_app", "project", "tasks", "tests")
FAR = 99  # imports away: nothing leads there, or only a name in a string


class Nearness:
    """`distances(path)`: how many imports lie between a file and each file of tests. Paths are
    relative to `root`.
    """

    def __init__(self, root: Path) -> None:
        files = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
        self._modules = {_module(path.relative_to(root)): path.relative_to(root) for path in files}
        self._importers: defaultdict[str, set[str]] = defaultdict(set)
        for name, path in self._modules.items():
            for imported in _imports(ast.parse((root / path).read_text()), set(self._modules)):
                self._importers[imported].add(name)

    def distances(self, path: Path) -> dict[Path, int]:
        found = {name: 0 for name in self._starts(path)}
        waiting = deque(found)
        while waiting:
            name = waiting.popleft()
            for importer in self._importers[name] - found.keys():
                found[importer] = found[name] + 1
                waiting.append(importer)
        tests = {
            name: file for name, file in self._modules.items() if file.name.startswith("test_")
        }
        return {file: found.get(name, FAR) for name, file in tests.items()}

    def _starts(self, path: Path) -> list[str]:
        """A script of Lua is read by the modules of its package."""
        if path.suffix == ".py":
            return [_module(path)]
        return [name for name, file in self._modules.items() if file.parent == path.parent.parent]


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _imports(tree: ast.Module, known: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names} & known
            yield from below or {node.module} & known
