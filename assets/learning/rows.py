"""Feature rows of learned models, read from the lake: the newest window, never all of history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from golive_core.lake import Lake
from models.learned import LearnedModel


def projects(lake: Lake, model: LearnedModel) -> list[str]:
    """Return the projects that have feature rows."""
    if not lake.exists(model.table):
        return []
    found = lake.query(f"select distinct project_id from {model.source} order by all")  # noqa: S608
    return found["project_id"].to_list()


def newest(lake: Lake, model: LearnedModel, project_id: str) -> datetime | None:
    """Return the newest instant that any row of a project knows of."""
    sql = f'select max(greatest("{model.at}", "{model.known_at}")) from {model.source}'  # noqa: S608
    return lake.query(f"{sql} where project_id = ?", [project_id]).item()


def window(
    lake: Lake, model: LearnedModel, project_id: str, as_of: datetime, *, labelled: bool = True
) -> pl.DataFrame:
    """Return the rows of a project's last `window_days` up to `as_of`, newest `max_rows`, in order.

    With `labelled` only those whose label was known at `as_of`.
    """
    since = as_of - timedelta(days=model.window_days)
    known = f'and "{model.known_at}" <= ? and "{model.label}" is not null' if labelled else ""
    return _read(lake, model, f'{known} and "{model.at}" <= ?', project_id, since,
                 [as_of] * (1 + labelled))  # fmt: skip


def since(lake: Lake, model: LearnedModel, project_id: str, at: datetime) -> pl.DataFrame:
    """Return the rows after an instant, newest `max_rows`, in order, labelled or not."""
    return _read(lake, model, "", project_id, at, [])


def _read(
    lake: Lake, model: LearnedModel, where: str, project_id: str, after: datetime,
    values: Iterable[object],
) -> pl.DataFrame:  # fmt: skip
    condition = (
        f'from {model.source} where project_id = ? and day >= ? and "{model.at}" > ? {where}'
    )
    params = [project_id, after.date(), after, *values]
    cells = ", ".join(f'"{name}"' for name in model.columns())
    order = ", ".join(f'"{name}"' for name in (model.at, *model.key))
    params[1] = _first_day(lake, model, condition, params)
    found = lake.query(f"select {cells} {condition} order by {order}", params)
    return found.tail(model.max_rows)


def _first_day(
    lake: Lake, model: LearnedModel, condition: str, params: Sequence[object]
) -> date | object:
    """Return the day from which on there are `max_rows` rows, so that older files are not opened.

    Sorting all rows of a long window to keep the newest would cost as much as the window is long.
    """
    days = lake.query(f"select day, count(*) as rows {condition} group by day", params)
    newest_first = days.sort("day", descending=True)
    enough = newest_first.filter(pl.col("rows").cum_sum() >= model.max_rows)
    return enough["day"][0] if enough.height else params[1]


def counts(
    lake: Lake, model: LearnedModel, project_id: str, after: datetime | None = None
) -> tuple[int, int]:
    """Return how many labels became known after an instant (None: ever), and how many are 1."""
    found = lake.query(
        f"""select count(*) as rows, coalesce(sum("{model.label}"::bigint), 0)::bigint as events
        from {model.source} where project_id = ? and "{model.label}" is not null
        and "{model.known_at}" > coalesce(?, '-infinity'::timestamptz)""",  # noqa: S608
        [project_id, after],
    )
    return found.row(0)
