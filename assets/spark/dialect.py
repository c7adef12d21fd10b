"""From DuckDB's SQL to Spark's: sqlglot's translation and what it does not know.

Each rule keeps the meaning that DuckDB gives, which is not always that of the Spark function of the
same name: `arg_max` leaves out rows without a value, `regexp_replace` replaces one match.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError

from golive_core.errors import LakeError

JUST_BEFORE = "interval '0.000001' second"
"""Times are whole microseconds, so all that is earlier is earlier by this."""
Rule = Callable[[exp.Expr], exp.Expr]


def view_name(table: str) -> str:
    """Return the name of the temporary view of a table of the lake: Spark's have no schema."""
    return table.replace(".", "__")


def translate(sql: str, where: str) -> str:
    """Return Spark's SQL for a SELECT in DuckDB's; LakeError for what Spark has no word for."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        refuse(tree)
        for rule in RULES:
            tree = tree.transform(rule)
        return tree.sql(dialect="spark", unsupported_level=ErrorLevel.RAISE, comments=False)
    except SqlglotError as error:
        raise LakeError(f"has no equal in Spark: {error}", where=where) from error


def refuse(tree: exp.Expr) -> None:
    """Raise SqlglotError for what would be translated into something else."""
    if any(join.args.get("method") == "ASOF" for join in tree.find_all(exp.Join)):
        raise SqlglotError("an ASOF join")
    if any(found.args.get("recursive") for found in tree.find_all(exp.With)):
        raise SqlglotError("a recursion that keeps one row a key")


def without_schema(node: exp.Expr) -> exp.Expr:
    """Read the temporary view of a table."""
    if isinstance(node, exp.Table) and node.db:
        named = exp.to_table(view_name(f"{node.db}.{node.name}"))
        for part in ("alias", "joins", "laterals"):
            named.set(part, node.args.get(part))
        return named
    return node


def of_values(node: exp.Expr) -> exp.Expr:
    """Leave out rows without a value, as DuckDB's arg_max, arg_min and any_value do."""
    if isinstance(node, exp.ArgMax | exp.ArgMin) and not node.meta.get("of_values"):
        case = exp.case().when(node.this.copy().is_(exp.null()).not_(), node.expression.copy())
        found = type(node)(this=node.this.copy(), expression=case)
        found.meta["of_values"] = True
        return found
    inner = node.this if isinstance(node, exp.IgnoreNulls) else node
    if isinstance(inner, exp.AnyValue):
        return exp.Anonymous(this="any_value", expressions=[inner.this, exp.true()])
    return node


def earlier_only(node: exp.Expr) -> exp.Expr:
    """Write a frame that leaves out the row's own instant as one that ends just before it."""
    if isinstance(node, exp.WindowSpec) and str(node.args.get("exclude", "")).upper() == "GROUP":
        node.set("exclude", None)
        node.set("start", sqlglot.parse_one(seconds_of(node.args["start"]), read="duckdb"))
        node.set("end", sqlglot.parse_one(JUST_BEFORE, read="duckdb"))
        node.set("end_side", "PRECEDING")
    return node


def seconds_of(span: exp.Expr) -> str:
    """Return an interval of days in seconds: the two ends of a frame must have one unit."""
    if not (isinstance(span, exp.Interval) and "day" in str(span.unit).lower()):
        raise SqlglotError(f"a frame from {span}")
    return f"interval '{int(span.this.name) * 86_400}' second"


def plain_median(node: exp.Expr) -> exp.Expr:
    """Take `percentile`, which unlike `median` may stand over an ordered window."""
    if isinstance(node, exp.Median):
        return exp.Anonymous(this="percentile", expressions=[node.this, exp.Literal.number("0.5")])
    if isinstance(node, exp.PercentileCont):
        return exp.Anonymous(this="percentile", expressions=[node.this, node.expression])
    return node


def seconds(node: exp.Expr) -> exp.Expr:
    """Count seconds from microseconds: Spark has no epoch of an interval."""
    if not is_call(node, "epoch"):
        return node
    inner = argument(node)
    if not isinstance(inner, exp.Sub):
        return sqlglot.parse_one(f"({micros(inner)} / 1e6::double)", read="duckdb")
    span = f"({micros(inner.this)} - {micros(inner.expression)})"
    return sqlglot.parse_one(f"({span} / 1e6::double)", read="duckdb")


def is_call(node: exp.Expr, name: str) -> bool:
    """Tell whether a node calls DuckDB's function of that name."""
    return isinstance(node, exp.Func) and node.sql(dialect="duckdb").lower().startswith(f"{name}(")


def argument(node: exp.Expr) -> exp.Expr:
    """Return the first argument of a call."""
    return node.expressions[0] if isinstance(node, exp.Anonymous) else node.this


def micros(node: exp.Expr) -> str:
    """Return DuckDB's SQL for the microseconds since 1970 of a time, by Spark's function."""
    return f"unix_micros({node.sql(dialect='duckdb')})"


def whole_micros(node: exp.Expr) -> exp.Expr:
    """Take Spark's name for microseconds since 1970."""
    if is_call(node, "epoch_us"):
        return exp.Anonymous(this="unix_micros", expressions=[argument(node)])
    return node


def finite(node: exp.Expr) -> exp.Expr:
    """Spark has isnan alone."""
    if is_call(node, "isfinite"):
        value = argument(node).sql(dialect="duckdb")
        text = f"(not isnan({value}) and abs({value}) < 'infinity'::double)"
        return sqlglot.parse_one(text, read="duckdb")
    return node


def days_between(node: exp.Expr) -> exp.Expr:
    """Count days: a date less a date is an interval in Spark. Columns of dates end in `day`."""
    if isinstance(node, exp.DateDiff) and str(node.args.get("unit", "")).upper() == "DAY":
        ends = [exp.cast(one, "date") for one in (node.this, node.expression)]
        return exp.Anonymous(this="datediff", expressions=ends)
    if isinstance(node, exp.Sub) and is_day(node.this) and is_day(node.expression):
        return exp.Anonymous(this="datediff", expressions=[node.this, node.expression])
    return node


def is_day(node: exp.Expr) -> bool:
    """Tell whether it is a column of dates by its name, bare or picked by a function."""
    if isinstance(node, exp.Window | exp.Max | exp.Min | exp.Lag | exp.Lead | exp.Paren):
        return is_day(node.this)
    return isinstance(node, exp.Column) and (node.name == "day" or node.name.endswith("_day"))


def span_of_seconds(node: exp.Expr) -> exp.Expr:
    """Make an interval of a number of seconds."""
    if is_call(node, "to_seconds"):
        zero = exp.Literal.number(0)
        parts = [zero, zero.copy(), zero.copy(), argument(node)]
        return exp.Anonymous(this="make_dt_interval", expressions=parts)
    return node


def doubles(node: exp.Expr) -> exp.Expr:
    """Take 0.95 as a double: Spark divides decimals to six places."""
    is_decimal = isinstance(node, exp.Literal) and not node.is_string and "." in node.name
    return (
        exp.cast(node, "double") if is_decimal and not isinstance(node.parent, exp.Cast) else node
    )


def pairs_in(node: exp.Expr) -> exp.Expr:
    """Compare pairs with a subquery of two columns, not with one of pairs."""
    inner = node.args.get("query") if isinstance(node, exp.In) else None
    select = inner.this if isinstance(inner, exp.Subquery) else inner
    if isinstance(select, exp.Select) and isinstance(select.expressions[0], exp.Tuple):
        select.set("expressions", select.expressions[0].expressions)
    return node


def numbers(node: exp.Expr) -> exp.Expr:
    """Make `range(a, b) as t (c)` a subquery."""
    if not (isinstance(node, exp.Table | exp.Unnest) and (series := node.find(exp.GenerateSeries))):
        return node
    alias = node.args["alias"]
    column = alias.columns[0].name if alias.columns else alias.name
    low, high = series.args.get("start") or exp.Literal.number(0), series.args["end"]
    text = f"(select explode(sequence({low.sql()}, {high.sql()} - 1)) as {column}) as {alias.name}"
    return exp.select("*").from_(text, dialect="spark").args["from_"].this


def side_by_side(node: exp.Expr) -> exp.Expr:
    """Unnest lists of a SELECT together, which Spark does with one list of structs only."""
    if not isinstance(node, exp.Select):
        return node
    lists = [one for one in node.expressions if isinstance(one.unalias(), exp.Explode | exp.Unnest)]
    if len(lists) < 2:  # noqa: PLR2004 - two or more
        return node
    zipped = exp.Anonymous(this="arrays_zip", expressions=[inside(one) for one in lists])
    names: list[exp.Identifier] = [exp.Identifier(this=one.alias) for one in lists]
    rows = exp.Aliases(this=exp.Anonymous(this="inline", expressions=[zipped]), expressions=names)
    node.set("expressions", [one for one in node.expressions if one not in lists] + [rows])
    return node


def inside(node: exp.Expr) -> exp.Expr:
    """Return the list that an aliased unnest takes apart."""
    call = node.unalias()
    return (call.expressions or [call.this])[0]


def java_regex(node: exp.Expr) -> exp.Expr:
    """Write groups as $1; what replaces one match must be anchored, since Spark replaces all."""
    if not isinstance(node, exp.RegexpReplace):
        return node
    pattern, flags = node.expression.name, node.args.get("modifiers")
    is_anchored = pattern.startswith("^") or pattern.endswith("$")
    if not is_anchored and not (flags and "g" in flags.name):
        raise SqlglotError(f"one replacement of {pattern}")
    text = node.args["replacement"].name
    given = exp.Literal.string(GROUP.sub(r"$\1", text))
    return exp.Anonymous(this="regexp_replace", expressions=[node.this, node.expression, given])


GROUP = re.compile(r"\\(\d)")
RULES: tuple[Rule, ...] = (
    without_schema, of_values, earlier_only, plain_median, seconds, whole_micros, finite,
    days_between, span_of_seconds, pairs_in, numbers, side_by_side, java_regex, doubles,
)  # fmt: skip
