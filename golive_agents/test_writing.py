"""Tests as text: each a function of its own with the imports it needs, and a file made of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["pinned", "property", "model"]
HEADS: dict[Kind, str] = {
    "pinned": "What it does now, right or wrong: read the values before you keep them.",
    "property": "A skeleton of hypothesis: it tells crashes, and laws where names speak of some.",
    "model": "Written by a language model; read it before you keep it.",
}
WORD = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One test that is to be tried: its name, imports, body, and how it came about."""

    name: str
    imports: tuple[str, ...]
    body: str
    kind: Kind

    @property
    def source(self) -> str:
        """It as a file of its own."""
        return "\n".join((*self.imports, "", "", self.body, ""))


def pinned(module: str, observed: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """Return a test for each call that was observed; rows as sandbox/calls.py tells them."""
    found: list[Candidate] = []
    for one in observed:
        function, call = one["function"], f"{one['function']}({one['source']})"
        name = f"test_{function}_{_word(one['source'], len(found))}"
        imports = (f"from {module} import {function}",)
        if "raises" in one:
            body = f"    with pytest.raises({one['raises']}):\n        {call}"
            imports = ("import pytest", *imports)
        else:
            body = f"    assert {call} {_is(one['value'])}"
        found.append(Candidate(name, imports, f"def {name}():\n{body}", "pinned"))
    return found


def of_source(source: str, kind: Kind) -> list[Candidate]:
    """Return the test functions of a file as candidates; raises SyntaxError."""
    lines = source.splitlines()
    tree = ast.parse(source)
    imports = tuple(
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    )
    return [
        Candidate(node.name, imports, "\n".join(lines[_first(node) - 1 : node.end_lineno]), kind)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def file_of(kept: Sequence[Candidate], module: str, told: str) -> str:
    """Return one file of tests with the imports that they use; `told` says how they did."""
    bodies: list[str] = []
    for kind, head in HEADS.items():
        own = [one for one in kept if one.kind == kind]
        bodies += [f"# {head}\n\n\n{own[0].body}", *(one.body for one in own[1:])] if own else []
    used = "\n".join(bodies)
    imports = sorted({line for one in kept for line in one.imports if _is_used(line, used)})
    return "\n".join((f'"""Tests of {module}. {told}"""', "", *_merged(imports), "", "",
                      "\n\n\n".join(bodies), ""))  # fmt: skip


def _merged(imports: Sequence[str]) -> list[str]:
    """Return imports with those from one module on one line, plain ones first."""
    plain = [line for line in imports if line.startswith("import ")]
    names: dict[str, set[str]] = {}
    for line in imports:
        if line.startswith("from "):
            module, _, told = line.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).update(part.strip() for part in told.split(","))
    return [*plain, *(f"from {module} import {', '.join(sorted(names[module]))}"
                      for module in sorted(names))]  # fmt: skip


def _is_used(line: str, text: str) -> bool:
    names = re.findall(r"[\w.]+(?=\s*(?:,|$))", line)
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\b", text) for name in names)


def _is(value: str) -> str:
    """Return how a value is asserted: None and truth by identity, floats nearly."""
    if value in {"None", "True", "False"}:
        return f"is {value}"
    return f"== {value}"


def _word(source: str, number: int) -> str:
    word = WORD.sub("_", source.replace("-", "minus ")).strip("_").lower()[:30].strip("_")
    return f"{word or 'nothing'}_{number + 1}"


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])
