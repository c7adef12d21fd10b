"""Small changes to Python code that tests ought to notice: comparison, arithmetic, boolean, value.

Each mutant changes one expression in its place, so that all else stays as it was written. Jia and
Harman, "An analysis and survey of the development of mutation testing", IEEE TSE 2011, table 2.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: its line, what stood there and what does now, and the whole text with it."""

    line: int
    before: str
    after: str
    text: str


def mutants(text: str, lines: Collection[int]) -> list[Mutant]:
    """Return the mutants of the expressions that begin on some lines; none of what is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    hidden = _typed(tree)
    found: list[Mutant] = []
    for node in ast.walk(tree):
        if getattr(node, "lineno", 0) in lines and node not in hidden:
            found += (_with(text, old, new) for old, new in _changes(node))
    kept = {(one.line, one.text): one for one in found if one.before != one.after}
    return sorted(kept.values(), key=lambda one: (one.line, one.before, one.after))


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the expressions of a node that may be changed, with what they are changed to."""
    if isinstance(node, ast.Compare):
        yield from ((node, one) for one in _compared(node))
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield node, ast.BinOp(node.left, COUNTED[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, ast.BoolOp(other, node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node, node.operand
    elif isinstance(node, ast.Constant):
        yield from ((node, ast.Constant(one)) for one in _other(node.value))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield node.value, ast.Constant(None)
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield node.test, ast.UnaryOp(ast.Not(), node.test)


def _compared(node: ast.Compare) -> Iterator[ast.Compare]:
    for at, operator in enumerate(node.ops):
        for other in COMPARED.get(type(operator), ()):
            changed = [*node.ops[:at], other(), *node.ops[at + 1 :]]
            yield ast.Compare(node.left, changed, node.comparators)


def _other(value: object) -> tuple[bool | float | str, ...]:
    """Return values that a constant is not."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int | float):
        return (value + 1,) if value else (1,)
    if isinstance(value, str):
        return (f"{value}~",) if value else ("~",)
    return ()


def _typed(tree: ast.AST) -> set[ast.AST]:
    """Return the nodes that nothing computes: annotations, docstrings, parts of f-strings."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            roots.append(node.returns)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            roots.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            roots.append(node)
    return {inner for root in roots for inner in ast.walk(root)}


def _with(text: str, old: ast.expr, new: ast.expr) -> Mutant:
    """Return the text with an expression replaced; offsets count bytes of UTF-8."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    begin = starts[old.lineno - 1] + old.col_offset
    end = starts[(old.end_lineno or old.lineno) - 1] + (old.end_col_offset or 0)
    raw = text.encode()
    after = f"({ast.unparse(ast.fix_missing_locations(new))})"
    whole = raw[:begin] + after.encode() + raw[end:]
    return Mutant(old.lineno, raw[begin:end].decode(), after, whole.decode())
