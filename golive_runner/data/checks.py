"""CHECK constraints: evaluated as SQL does, and read as bounds where they are simple.

What cannot be evaluated is refused by name: rows that break a constraint are worse than none.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, cast

from sqlglot import exp

from golive_core.errors import UsageError
from golive_runner.data.makers import like_pattern
from golive_runner.data.shape import Column, Row, Value

Node = Any
"""A node of sqlglot, whose classes are made when it is imported."""
Evaluate = Callable[[Row], Any]
COMPARISONS: dict[Node, Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq, exp.NEQ: operator.ne, exp.GT: operator.gt, exp.GTE: operator.ge,
    exp.LT: operator.lt, exp.LTE: operator.le,
}  # fmt: skip
SUMS: dict[Node, Callable[[Any, Any], Any]] = {
    exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: operator.mul,
    exp.Div: lambda one, other: one / other if other else None,
    exp.Mod: lambda one, other: one - other * int(one / other) if other else None,
}  # fmt: skip
TEXTS: dict[Node, Callable[[Any], Any]] = {
    exp.Length: len, exp.Upper: str.upper, exp.Lower: str.lower, exp.Trim: str.strip,
    exp.Abs: abs, exp.Neg: operator.neg,
}  # fmt: skip
MIRRORED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}
MOMENTS = {datetime: datetime.fromisoformat, date: date.fromisoformat, time: time.fromisoformat}


class NotUnderstoodError(Exception):
    """An expression is of a kind that is not evaluated here; its text is the kind."""


@dataclass(frozen=True)
class Check:
    """A constraint: its text, the columns that it names, and what it says of a row."""

    text: str
    columns: tuple[str, ...]
    evaluate: Evaluate

    def holds(self, row: Row) -> bool:
        """Tell whether a row keeps it; as in SQL it does where the answer is not known."""
        return self.evaluate(row) is not False


def check(expression: Node, names: dict[str, str], where: str) -> Check:
    """Return a constraint; `names` are the columns by their lower case. Raises UsageError."""
    used = dict.fromkeys(column.name.lower() for column in expression.find_all(exp.Column))
    for name in used:
        if name not in names:
            raise UsageError(f"a CHECK names {name}, which is no column", where=where)
    text = expression.sql()
    try:
        evaluate = _compiled(expression, names)
    except NotUnderstoodError as error:
        raise UsageError(
            f"CHECK ({text}) cannot be kept: {error} is not understood", where=where,
            hint="Leave it out of the schema that you generate from, and filter the rows",
        ) from error  # fmt: skip
    return Check(text, tuple(names[name] for name in used), evaluate)


def _compiled(node: Node, names: dict[str, str]) -> Evaluate:
    for kinds, build in BUILDERS:
        if isinstance(node, kinds):
            return build(node, names)
    raise NotUnderstoodError(type(node).__name__)


def _column(node: Node, names: dict[str, str]) -> Evaluate:
    name = names[node.name.lower()]
    return lambda row: row[name]


def _constant(node: Node, _names: dict[str, str]) -> Evaluate:
    value = literal(node)
    return lambda _row: value


def literal(node: Node) -> Value:
    """Return the value of a literal; raises NotUnderstoodError for anything else."""
    if isinstance(node, (exp.Paren, exp.Cast)):
        return literal(node.this)
    if isinstance(node, (exp.Null, exp.Boolean)):
        return None if isinstance(node, exp.Null) else bool(node.this)
    if isinstance(node, exp.Neg):
        return -cast("Any", literal(node.this))
    if not isinstance(node, exp.Literal):
        raise NotUnderstoodError(type(node).__name__)
    if node.is_string:
        return str(node.this)
    text = str(node.this)
    return int(text) if text.isdecimal() else Decimal(text)


def _inner(node: Node, names: dict[str, str]) -> Evaluate:
    return _compiled(node.this, names)


def _both(node: Node, names: dict[str, str]) -> Evaluate:
    one, other = _compiled(node.this, names), _compiled(node.expression, names)
    stop = isinstance(node, exp.Or)

    def evaluate(row: Row) -> bool | None:
        found = (one(row), other(row))
        if stop in found:
            return stop
        return None if None in found else not stop

    return evaluate


def _not(node: Node, names: dict[str, str]) -> Evaluate:
    inner = _compiled(node.this, names)

    def evaluate(row: Row) -> bool | None:
        found = inner(row)
        return None if found is None else not found

    return evaluate


def _two(node: Node, names: dict[str, str]) -> Evaluate:
    is_sum = type(node) in SUMS
    work = SUMS[type(node)] if is_sum else COMPARISONS[type(node)]
    one, other = _compiled(node.this, names), _compiled(node.expression, names)

    def evaluate(row: Row) -> Any:  # noqa: ANN401
        left, right = one(row), other(row)
        if left is None or right is None:
            return None
        return work(*(_numbers if is_sum else _alike)(left, right))

    return evaluate


def _numbers(one: Any, other: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return two numbers that can be reckoned with: SQL mixes decimals and floats, Python not."""
    if isinstance(one, float) or isinstance(other, float):
        return float(one), float(other)
    return one, other


def _alike(one: Any, other: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return two values of one type, where one is a moment and the other its text."""
    for kind, read in MOMENTS.items():
        if isinstance(one, kind) and isinstance(other, str):
            return one, _zoned(read(other), one)
        if isinstance(other, kind) and isinstance(one, str):
            return _zoned(read(one), other), other
    return one, other


def _zoned(read: Any, like: Any) -> Any:  # noqa: ANN401
    is_naive = isinstance(like, datetime) and like.tzinfo and not read.tzinfo
    return read.replace(tzinfo=like.tzinfo) if is_naive else read


def _between(node: Node, names: dict[str, str]) -> Evaluate:
    low, high = node.args["low"], node.args["high"]
    return _both(exp.And(this=exp.GTE(this=node.this, expression=low),
                         expression=exp.LTE(this=node.this, expression=high)), names)  # fmt: skip


def _in(node: Node, names: dict[str, str]) -> Evaluate:
    value = _compiled(node.this, names)
    options = [_compiled(one, names) for one in node.expressions]

    def evaluate(row: Row) -> bool | None:
        found = value(row)
        if found is None:
            return None
        return any(operator.eq(*_alike(found, one(row))) for one in options)

    return evaluate


def _is(node: Node, names: dict[str, str]) -> Evaluate:
    one, other = _compiled(node.this, names), _compiled(node.expression, names)
    return lambda row: one(row) is other(row)


def _like(node: Node, names: dict[str, str]) -> Evaluate:
    flags = re.DOTALL | (re.IGNORECASE if isinstance(node, exp.ILike) else 0)
    pattern = re.compile(like_pattern(str(literal(node.expression))), flags)
    return _matched(node, names, pattern.fullmatch)


def _regex(node: Node, names: dict[str, str]) -> Evaluate:
    return _matched(node, names, re.compile(str(literal(node.expression))).search)


def _matched(node: Node, names: dict[str, str], match: Callable[[str], object]) -> Evaluate:
    value = _compiled(node.this, names)

    def evaluate(row: Row) -> bool | None:
        found = value(row)
        return None if found is None else match(found) is not None

    return evaluate


def _one(node: Node, names: dict[str, str]) -> Evaluate:
    work, inner = TEXTS[type(node)], _compiled(node.this, names)

    def evaluate(row: Row) -> Any:  # noqa: ANN401
        found = inner(row)
        return None if found is None else work(found)

    return evaluate


BUILDERS: tuple[tuple[Any, Callable[[Any, dict[str, str]], Evaluate]], ...] = (
    (exp.Column, _column), ((exp.Literal, exp.Boolean, exp.Null), _constant),
    ((exp.Paren, exp.Cast), _inner), ((exp.And, exp.Or), _both), (exp.Not, _not),
    ((*COMPARISONS, *SUMS), _two), (exp.Between, _between), (exp.In, _in), (exp.Is, _is),
    ((exp.Like, exp.ILike), _like), (exp.RegexpLike, _regex), (tuple(TEXTS), _one),
)  # fmt: skip


# ---------------------------------------------------------------- bounds


def bounded(column: Column, expression: Node) -> Column:
    """Return a column narrowed by what a constraint says of it alone: `x > 0 and x < 9`."""
    for part in _parts(expression):
        column = _narrowed(column, part)
    return column


def _parts(node: Node) -> Iterator[Any]:
    if isinstance(node, exp.Paren):
        yield from _parts(node.this)
    elif isinstance(node, exp.And):
        yield from _parts(node.this)
        yield from _parts(node.expression)
    elif isinstance(node, exp.Between):
        yield exp.GTE(this=node.this, expression=node.args["low"])
        yield exp.LTE(this=node.this, expression=node.args["high"])
    else:
        yield node


def _narrowed(column: Column, node: Node) -> Column:
    try:
        if isinstance(node, exp.In) and _is_column(node.this, column):
            return replace(column, kind="choice", values=tuple(map(literal, node.expressions)))
        if isinstance(node, exp.Like) and _is_column(node.this, column):
            return replace(column, like=str(literal(node.expression)))
        kind = cast("Node", type(node))
        left, right = node.this, node.args.get("expression")
        if kind in MIRRORED and _is_constant(left):
            kind, left, right = MIRRORED[kind], right, left
        return _compared(column, kind, left, literal(right)) if kind in COMPARISONS else column
    except NotUnderstoodError:
        return column


def _is_constant(node: Node) -> bool:
    return isinstance(node, (exp.Literal, exp.Neg))


def _is_column(node: Node, column: Column) -> bool:
    return isinstance(node, exp.Column) and node.name.lower() == column.name.lower()


def _compared(column: Column, kind: Node, left: Node, value: Any) -> Column:  # noqa: ANN401
    """Take a comparison with a constant as a bound of the value, or of its length."""
    step = Decimal(1).scaleb(-column.scale) if column.kind in ("integer", "decimal") else 0
    low, high = _range(kind, value, step)
    if isinstance(left, exp.Length) and _is_column(left.this, column):
        low, high = _range(kind, value, 1)
        return replace(
            column, least=max(column.least, int(low or 0)),
            most=column.most if high is None else min(int(high), column.most or int(high)),
        )  # fmt: skip
    if not _is_column(left, column) or not isinstance(value, (int, Decimal)):
        return column
    lows = [one for one in (column.low, low) if one is not None]
    highs = [one for one in (column.high, high) if one is not None]
    return replace(column, low=max(lows, default=None), high=min(highs, default=None))


def _range(kind: Any, value: Any, step: Any) -> tuple[Any, Any]:  # noqa: ANN401
    if not isinstance(value, (int, Decimal)):
        return None, None
    if kind is exp.EQ:
        return value, value
    low = {exp.GT: value + step, exp.GTE: value}.get(kind)
    high = {exp.LT: value - step, exp.LTE: value}.get(kind)
    return low, high
