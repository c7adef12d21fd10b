"""Which functions of a Python file tests are written for."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A public function at the top of a module: its lines, and whether a caller may await it."""

    path: str
    module: str
    name: str
    first: int
    last: int
    source: str

    @property
    def lines(self) -> range:
        """The numbers of its lines."""
        return range(self.first, self.last + 1)


def targets(path: str, text: str, new: Collection[int] | None = None) -> list[Target]:
    """Return the public functions of a file; of those, with `new`, that have a new line in them.

    Methods, generators and coroutines are left out: what calls of them give cannot be written down.
    Raises SyntaxError.
    """
    lines = text.splitlines()
    found = [
        Target(path, module_of(path), node.name, _first(node), node.end_lineno or node.lineno,
               "\n".join(lines[_first(node) - 1 : node.end_lineno]))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        and not _yields(node)
    ]  # fmt: skip
    return [one for one in found if new is None or set(one.lines) & set(new)]


def lines_under(text: str, names: Collection[str]) -> set[int]:
    """Return the lines of functions and classes of a file, and of those there that they name."""
    made = {
        node.name: node for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }  # fmt: skip
    waiting, seen = [name for name in names if name in made], set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        named = {one.id for one in ast.walk(made[name]) if isinstance(one, ast.Name)}
        waiting += [one for one in named if one in made and one not in seen]
    return {
        line for name in seen for line in range(made[name].lineno, (made[name].end_lineno or 0) + 1)
    }


def module_of(path: str) -> str:
    """Return the name under which a file of the repository is imported."""
    parts = path.removeprefix("src/").removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))
