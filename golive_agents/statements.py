"""From a plan to one SELECT over the lake, written so that a person can read and change it."""

from __future__ import annotations

from golive_agents.periods import Period
from golive_agents.plan import Plan
from golive_agents.semantic_layer import AGGREGATES, Subject, subjects

GRAINS = {
    "day": "{}", "week": "cast(date_trunc('week', {}) as date)",
    "month": "cast(date_trunc('month', {}) as date)",
}  # fmt: skip


def sql(plan: Plan, project: str, usual: Period) -> str:
    """Return the SELECT of a plan; `usual` is the period where the question names none."""
    subject = subjects()[plan.subject]
    where = _conditions(subject, plan, project, plan.period or usual)
    if plan.shape == "list":
        return _list(subject, plan, where)
    value = f"{expression(subject, plan)} as {value_name(subject, plan)}"
    keys = [f"{GRAINS[plan.grain].format(subject.day)} as {plan.grain}"] if plan.grain else []
    keys += [f"{subject.dimensions[name].sql} as {name}" for name in plan.dimensions]
    columns = [*keys, value, *_beside(subject, plan)]
    lines = [
        f"select\n    {(',' + chr(10) + '    ').join(columns)}",
        f"from {subject.source}",
        *where,
    ]
    if keys:
        lines.append("group by all")
        lines += _having(subject, plan)
        lines.append(_order(plan, value_name(subject, plan)))
    return "\n".join(lines)


def expression(subject: Subject, plan: Plan) -> str:
    """Return the aggregate that is asked for."""
    if plan.amount:
        return AGGREGATES[plan.aggregate or "median"].format(subject.amounts[plan.amount].sql)
    return subject.measures[plan.measure].sql


def value_name(subject: Subject, plan: Plan) -> str:
    """Return the name of the column with the answer."""
    if plan.amount:
        return f"{plan.aggregate}_{plan.amount}"
    return plan.measure


def _beside(subject: Subject, plan: Plan) -> list[str]:
    """Return how many rows a share, a mean or a quantile is made of."""
    if plan.amount:
        is_sum = plan.aggregate == "total"
        return [] if is_sum else [f"count({subject.amounts[plan.amount].sql}) as n"]
    measure = subject.measures[plan.measure]
    return [f"{measure.n} as n"] if measure.n else []


def _having(subject: Subject, plan: Plan) -> list[str]:
    """Leave out of a ranking what has nothing of what is asked."""
    if plan.shape != "ranking" or not plan.is_descending:
        return []
    return [f"having {expression(subject, plan)} > 0"]


def _order(plan: Plan, value: str) -> str:
    if plan.shape == "series":
        return f"order by {', '.join([plan.grain, *plan.dimensions])}"
    order = "desc" if plan.is_descending else "asc"
    keys = ", ".join([*([plan.grain] if plan.grain else []), *plan.dimensions])
    return f"order by {value} {order} nulls last, {keys}\nlimit {plan.limit}"


def _list(subject: Subject, plan: Plan, where: list[str]) -> str:
    columns = [f"{text} as {name}" for name, text in subject.rows.items()]
    if plan.amount and subject.amounts[plan.amount].sql not in subject.rows.values():
        columns.insert(0, f"{subject.amounts[plan.amount].sql} as {plan.amount}")
    order = "desc" if plan.is_descending else "asc"
    by = subject.amounts[plan.amount].sql if plan.amount else subject.newest
    last = list(subject.rows.values())[-1]
    ordered = [f"order by {by} {order} nulls last, {last}"] if by else []
    return "\n".join(
        [f"select\n    {(',' + chr(10) + '    ').join(columns)}", f"from {subject.source}", *where,
         *ordered, f"limit {plan.limit}"]
    )  # fmt: skip


def _conditions(subject: Subject, plan: Plan, project: str, period: Period) -> list[str]:
    found = [subject.where] if subject.where else []
    if project and subject.project:
        found.append(f"{subject.project} = {literal(project)}")
    if subject.day and period.first:
        found.append(f"{subject.day} >= date '{period.first}'")
    if subject.day and period.end:
        found.append(f"{subject.day} < date '{period.end}'")
    found += [
        text
        for name in plan.filters
        if (text := subject.filters[name].sql) not in ("true", subject.where)
    ]
    found += [f"{subject.dimensions[name].sql} = {literal(value)}" for name, value in plan.values]
    return ["where\n    " + "\n    and ".join(found)] if found else []


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
