"""CREATE TABLE text of any dialect that sqlglot reads, as shapes in the order of their links."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from golive_core.errors import UsageError
from golive_core.toml import near
from golive_runner.data.checks import Check, Node, bounded, check, literal
from golive_runner.data.shape import Column, Kind, Link, Shape

DIALECTS = ("postgres", "duckdb", "mysql", "sqlite", "tsql", "oracle", "snowflake", "bigquery")
INTEGERS = {
    "TINYINT": 8, "SMALLINT": 16, "SMALLSERIAL": 16, "MEDIUMINT": 24, "INT": 32, "SERIAL": 32,
    "BIGINT": 64, "BIGSERIAL": 64, "INT128": 128,
}  # fmt: skip
UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UMEDIUMINT": 24, "UINT": 32, "UBIGINT": 64}
KINDS: dict[str, Kind] = {
    "DECIMAL": "decimal", "MONEY": "decimal", "FLOAT": "float", "DOUBLE": "float",
    "BOOLEAN": "boolean", "BIT": "boolean", "VARCHAR": "text", "NVARCHAR": "text", "CHAR": "text",
    "NCHAR": "text", "TEXT": "text", "BPCHAR": "text", "MEDIUMTEXT": "text", "LONGTEXT": "text",
    "TINYTEXT": "text", "NAME": "text", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp",
    "DATETIME": "timestamp", "DATETIME2": "timestamp", "TIMESTAMPTZ": "timestamp",
    "TIMESTAMPNTZ": "timestamp", "TIMESTAMPLTZ": "timestamp", "UUID": "uuid", "JSON": "json",
    "JSONB": "json", "BINARY": "binary", "VARBINARY": "binary", "BLOB": "binary",
}  # fmt: skip
ZONED = ("TIMESTAMPTZ", "TIMESTAMPLTZ")
WIDTH, SCALE = 18, 3
"""Of a decimal that says none, as DuckDB has it."""
REALS = 16_777_216
"""The largest whole number up to which a float of 32 bits has them all."""


def read(text: str, where: str, dialect: str = "") -> list[Shape]:
    """Return the tables, each after those it refers to; raises UsageError with the reason."""
    statements = _parsed(text, where, dialect)
    reader = Reader(where)
    for one in statements:
        reader.take(one)
    if not reader.tables:
        raise UsageError("has no CREATE TABLE", where=where)
    shapes = {name.lower(): table.shape() for name, table in reader.tables.items()}
    return _ordered(shapes, where)


def _parsed(text: str, where: str, dialect: str) -> Sequence[Any]:
    import sqlglot
    from sqlglot.errors import SqlglotError

    if dialect and dialect not in DIALECTS:
        raise UsageError(
            f"{dialect} is no known dialect", where=where, hint=near(dialect, DIALECTS)
        )
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    first: Exception | None = None
    for one in [dialect] if dialect else DIALECTS:
        try:
            found = [said for said in sqlglot.parse(text, read=one) if said is not None]
        except (SqlglotError, RecursionError) as error:
            first = first or error
            continue
        if all(type(said).__name__ != "Command" for said in found):
            return found
    what = str(first).splitlines()[0] if first else "it has statements that are not understood"
    raise UsageError(f"not valid SQL: {what}", where=where,
                     hint="Name its --dialect, and keep to CREATE TABLE")  # fmt: skip


@dataclass
class _Table:
    """A table while its statements are read."""

    name: str
    where: str
    columns: list[Column] = field(default_factory=list[Column])
    unique: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    links: list[Link] = field(default_factory=list[Link])
    checks: list[Any] = field(default_factory=list[Any])
    key: tuple[str, ...] = ()

    def shape(self) -> Shape:
        """Return it as it is known at the end; raises UsageError for a check on no column."""
        names = {column.name.lower(): column.name for column in self.columns}
        checks: list[Check] = []
        columns = self.columns
        for one in self.checks:
            checks.append(check(one, names, self.where))
            columns = [bounded(column, one) for column in columns]
        columns = [
            replace(column, is_nullable=False) if column.name in self.key else column
            for column in columns
        ]
        keys = [self.key, *self.unique] if self.key else self.unique
        unique = tuple(dict.fromkeys(keys))
        return Shape(self.name, tuple(columns), unique, tuple(self.links), tuple(checks), self.key)


class Reader:
    """Takes statements in: tables, types of choices, and constraints that are added later."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.tables: dict[str, _Table] = {}
        self._choices: dict[str, tuple[str, ...]] = {}

    def take(self, statement: Node) -> None:
        """Take one statement; those that say nothing of tables are passed over."""
        from sqlglot import exp

        if isinstance(statement, exp.Create) and statement.kind == "TYPE":
            values = tuple(str(literal(one)) for one in statement.expression.expressions)
            self._choices[statement.this.name.lower()] = values
        elif isinstance(statement, exp.Create) and statement.kind == "TABLE":
            self._table(statement)
        elif isinstance(statement, exp.Alter):
            table = self.tables.get(statement.this.name)
            if table:
                for added in statement.find_all(exp.AddConstraint):
                    self._constraint(table, added)

    def _table(self, statement: Node) -> None:
        from sqlglot import exp

        if not isinstance(statement.this, exp.Schema):
            what = f"{statement.this.name} has no columns: CREATE TABLE AS is not understood"
            raise UsageError(what, where=self.where)
        name = statement.this.this.name
        table = self.tables[name] = _Table(name, self.where)
        for one in statement.this.expressions:
            if isinstance(one, exp.ColumnDef):
                self._column(table, one)
            else:
                self._constraint(table, one)

    def _column(self, table: _Table, node: Node) -> None:
        from sqlglot import exp

        kinds: dict[Any, Any] = {type(one.kind): one.kind for one in node.constraints}
        if exp.ComputedColumnConstraint in kinds:
            return
        name = node.name
        column = self._typed(name, node.kind, f"{self.where}, {table.name}.{name}")
        not_null = kinds.get(exp.NotNullColumnConstraint)
        is_needed = not_null is not None and not not_null.args.get("allow_null")
        table.columns.append(replace(column, is_nullable=not is_needed))
        for kind, said in kinds.items():
            if kind is exp.PrimaryKeyColumnConstraint:
                table.key = (name,)
            elif kind is exp.UniqueColumnConstraint:
                table.unique.append((name,))
            elif kind is exp.CheckColumnConstraint:
                table.checks.append(said.this)
            elif kind is exp.Reference:
                table.links.append(_link((name,), said))

    def _constraint(self, table: _Table, node: Node) -> None:
        from sqlglot import exp

        for one in _inner(node):
            if isinstance(one, exp.PrimaryKey):
                table.key = _names(one.expressions)
            elif isinstance(one, exp.UniqueColumnConstraint):
                table.unique.append(_names(one.this.expressions))
            elif isinstance(one, exp.ForeignKey):
                table.links.append(_link(_names(one.expressions), one.args["reference"]))
            elif isinstance(one, exp.CheckColumnConstraint):
                table.checks.append(one.this)

    def _typed(self, name: str, node: Node, where: str) -> Column:
        """Return the column of a type; raises UsageError for one that is not known."""
        if node is None:
            return Column(name, "text")
        kind = node.this.name if hasattr(node.this, "name") else str(node.this)
        if kind == "USERDEFINED":
            said = str(node.args.get("kind") or "").lower()
            if said in self._choices:
                return Column(name, "choice", values=self._choices[said])
        if kind == "ENUM":
            return Column(name, "choice", values=tuple(map(literal, node.expressions)))
        sizes = [int(one.name) for one in node.expressions if one.name.isdecimal()]
        found = _number(name, kind) or _sized(name, kind, sizes)
        if found is None:
            hint = f"Known: {', '.join(sorted({*INTEGERS, *KINDS})).lower()}"
            raise UsageError(f"the type {node.sql()} cannot be made", where=where, hint=hint)
        return found


def _number(name: str, kind: str) -> Column | None:
    if kind in INTEGERS:
        half = 1 << (INTEGERS[kind] - 1)
        return Column(name, "integer", low=1 if "SERIAL" in kind else -half, high=half - 1)
    if kind in UNSIGNED:
        return Column(name, "integer", low=0, high=(1 << UNSIGNED[kind]) - 1)
    return None


def _sized(name: str, kind: str, sizes: list[int]) -> Column | None:
    known = KINDS.get(kind)
    if known == "decimal":
        width, scale = (*sizes, 0)[:2] if sizes else (WIDTH, SCALE)
        high = Decimal(10**width - 1).scaleb(-scale)
        return Column(name, known, low=-high, high=high, scale=scale)
    if known == "float" and kind == "FLOAT":
        return Column(name, known, low=-REALS, high=REALS)
    if known in ("text", "binary"):
        return Column(name, known, most=sizes[0] if sizes else None)
    return Column(name, known, is_zoned=kind in ZONED) if known else None


def _inner(node: Node) -> list[Node]:
    """Return what a constraint says, whether it has a name of its own or not."""
    from sqlglot import exp

    if not isinstance(node, (exp.Constraint, exp.AddConstraint)):
        return [node]
    return [found for one in node.expressions for found in _inner(one)]


def _names(nodes: Sequence[Any]) -> tuple[str, ...]:
    return tuple(one.name if one.name else one.this.name for one in nodes)


def _link(columns: tuple[str, ...], reference: Node) -> Link:
    from sqlglot import exp

    target = reference.this
    named = _names(target.expressions) if isinstance(target, exp.Schema) else ()
    table = target.this.name if isinstance(target, exp.Schema) else target.name
    return Link(columns, table, named)


def _ordered(shapes: dict[str, Shape], where: str) -> list[Shape]:
    """Return tables after those they refer to, their links named in full; raises UsageError."""
    found: dict[str, Shape] = {}
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        if name in open_:
            raise UsageError(f"{' → '.join([*open_, name])} refer to each other in a circle",
                             where=where, hint="Leave one of the foreign keys out")  # fmt: skip
        open_.append(name)
        shape = shapes[name]
        links = tuple(_completed(shape, link, shapes, where) for link in shape.links)
        for link in links:
            if link.table != shape.name:
                visit(link.table.lower())
        found[name] = replace(shape, links=links)
        open_.remove(name)

    for name in shapes:
        visit(name)
    return list(found.values())


def _completed(shape: Shape, link: Link, shapes: dict[str, Shape], where: str) -> Link:
    """Return a link with the columns that it means; raises UsageError if there are none such."""
    parent = shapes.get(link.table.lower())
    if parent is None:
        what = f"{shape.name} refers to {link.table}, which is not there"
        raise UsageError(what, where=where, hint=near(link.table, shapes))
    target = link.target or parent.key
    columns = [_spelled(parent, one, where) for one in target]
    if tuple(columns) not in parent.unique or len(columns) != len(link.columns):
        what = f"{shape.name} refers to {parent.name} by columns that are no key of it"
        raise UsageError(what, where=where, hint="Make them a PRIMARY KEY or UNIQUE")
    here = tuple(_spelled(shape, one, where) for one in link.columns)
    return Link(here, parent.name, tuple(columns))


def _spelled(shape: Shape, name: str, where: str) -> str:
    found = shape.column(name)
    if found is None:
        known = [column.name for column in shape.columns]
        raise UsageError(f"{shape.name} has no column {name}", where=where, hint=near(name, known))
    return found.name


def names_of(shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield the names of the tables."""
    return (shape.name for shape in shapes)
