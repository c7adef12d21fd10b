"""Unusual hours of metrics and days of log lines: predictions.anomalies.

The days are judged on which a mart changed, each from a window before it; rows of a judged day are
replaced, so that the same day twice gives the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.scoring import Scored, described
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake

TABLE = schema.ANOMALIES
METRICS, LOGS = "marts.metric_hourly", "marts.log_template_rates"
KINDS = {METRICS: "metric", LOGS: "log"}
FIRST_DAYS = 120
"""Newest days that a first run judges."""
DAYS_AT_ONCE = 31
"""Days that are judged together: bounds the memory of a first run."""
SERVICE = r'service="([^"]+)"'


@cache
def statement(name: str) -> str:
    """Return the SELECT of a .sql file beside this one."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


def update(lake: Lake, *, as_of: datetime | None = None, made_at: datetime | None = None) -> Scored:
    """Judge the days on which metrics or logs changed, and write what is unusual.

    `as_of` (aware; default: the newest that is known) is the instant that may be known.
    """
    from models.anomaly import FILES, NAME
    from models.runs import code_version

    with alone(lake, TABLE.name):
        state, version = State.read(lake, "predictions"), code_version(FILES)
        known = state.mark(NAME, "mart")
        is_same = as_of is None and (known.cursor or {}).get("version") == version
        since = known.sequence if is_same else 0
        days = {name: _days(lake, name, since, as_of) for name in KINDS}
        if not any(days.values()):
            return Scored(TABLE.name, 0, None)
        mark = Mark(0 if as_of else lake.version(), {"version": version})
        judging = _Judging(lake, made_at or datetime.now(UTC), as_of)
        return judging.write(days, state.row(NAME, "mart", mark))


def _days(lake: Lake, name: str, since: int, as_of: datetime | None) -> list[date]:
    """Return the days of a mart that changed after `since`, up to `as_of`: FIRST_DAYS at most."""
    if not lake.exists(name):
        return []
    changed = lake.changed_days(name, since=since)
    kept = sorted(day for day in changed if as_of is None or day <= as_of.date())
    return [day for day in kept if day > kept[-1] - timedelta(days=FIRST_DAYS)]


@dataclass(frozen=True, slots=True)
class _Judging:
    lake: Lake
    made_at: datetime
    as_of: datetime | None

    def write(self, days: dict[str, list[date]], mark: pl.DataFrame) -> Scored:
        """Replace the rows of the judged days of each kind."""
        found = pl.concat([
            schema.conform(TABLE, pl.DataFrame(schema=TABLE.schema)),
            *(self._noted(rows) for rows in (self.metrics(days[METRICS]), self.logs(days[LOGS]))
              if rows.height),
        ])  # fmt: skip
        touched = sorted({day for some in days.values() for day in some})
        with self.lake.transaction("judge metrics and logs") as txn:
            fresh = pl.concat([found, self._others(days, touched)])
            txn.overwrite(TABLE.name, fresh, days=touched)
            if found.height:
                txn.insert("ops.model_runs", self._run(found, days))
            txn.merge("ops.cursors", mark)
        written = next((one for one in txn.results if one.table == TABLE.name), None)
        return Scored(TABLE.name, found.height, written)

    def _others(self, days: dict[str, list[date]], touched: list[date]) -> pl.DataFrame:
        """Return the rows on these days of the kinds that are not judged on them."""
        old = self.lake.query(
            f"select * from {TABLE.name} where day in (select unnest(?))",  # noqa: S608
            [touched],
        )
        judged = [
            (pl.col("subject_kind") == kind) & pl.col("day").is_in(days[name])
            for name, kind in KINDS.items()
        ]
        return old.filter(~pl.any_horizontal(judged))

    def metrics(self, days: list[date]) -> pl.DataFrame:
        """Return the unusual hours of these days, in the table's columns."""
        from models import anomaly

        found = [anomaly.metrics(self._rows("anomaly_hours", part), part) for part in _parts(days)]
        rows = pl.concat(found) if found else pl.DataFrame(schema=TABLE.schema)
        if rows.is_empty():
            return pl.DataFrame(schema=TABLE.schema)
        basis = "the same hour of such days, 28 days back"
        return _reasoned(rows.with_columns(
            subject="series", began_at="hour_at", ended_at=pl.col("hour_at") + pl.duration(hours=1),
            service=pl.col("series").str.extract(SERVICE), told=pl.col("series"),
        ), basis)  # fmt: skip

    def logs(self, days: list[date]) -> pl.DataFrame:
        """Return the unusual days of templates and of errors, in the table's columns."""
        from models import anomaly

        found: list[pl.DataFrame] = []
        for part in _parts(days):
            counts = self._rows("anomaly_lines", part)
            rows = anomaly.log_rates(counts.drop("template"), part, self._newest())
            texts = counts.group_by("template_id").agg(pl.col("template").last())
            found.append(rows.join(texts, on="template_id", how="left"))
        rows = pl.concat(found) if found else pl.DataFrame(schema=TABLE.schema)
        if rows.is_empty():
            return pl.DataFrame(schema=TABLE.schema)
        what = pl.col("template_id").cast(pl.String).fill_null("errors")
        start = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        said = pl.col("template").str.slice(0, 90).fill_null("errors")
        return _reasoned(rows.with_columns(
            instance=pl.lit(""), subject=pl.format("log {} {}", "service", what), began_at=start,
            ended_at=start + pl.duration(days=1),
            told=pl.format("lines of {} a day, “{}”", "service", said),
        ), "such days, 28 days back")  # fmt: skip

    def _newest(self) -> date:
        found = self.lake.query(f"select max(day) from {LOGS}").item()  # noqa: S608 - a constant
        return min(found, self.as_of.date()) if self.as_of else found

    def _rows(self, name: str, days: list[date]) -> pl.DataFrame:
        from models.anomaly import WINDOW_DAYS

        first = days[0] - timedelta(days=WINDOW_DAYS)
        rows = self.lake.query(statement(name), [first, days[-1]])
        is_late = self.as_of is not None and "hour_at" in rows.columns
        return rows.filter(pl.col("hour_at") < self.as_of) if is_late else rows

    def _noted(self, rows: pl.DataFrame) -> pl.DataFrame:
        from models.anomaly import NAME
        from models.runs import model_id

        notes = {
            "model_id": pl.lit(model_id(NAME, self.made_at)), "made_at": pl.lit(self.made_at),
            "as_of": pl.col("ended_at"),
        }  # fmt: skip
        known = rows.select(one for one in rows.columns if one in TABLE.schema)
        return schema.conform(TABLE, known.with_columns(**notes))

    def _run(self, found: pl.DataFrame, days: dict[str, list[date]]) -> pl.DataFrame:
        from models.anomaly import FALSE_SHARE, FILES, NAME
        from models.runs import model_run

        counts = {kind: found.filter(pl.col("subject_kind") == kind).height
                  for kind in KINDS.values()}  # fmt: skip
        return model_run(
            NAME, made_at=self.made_at, kind="score", files=FILES,
            data=found.select(*TABLE.key, "p_value"), parameters={"false_share": FALSE_SHARE},
            metrics={**counts, "days": len({one for some in days.values() for one in some})},
        )  # fmt: skip


def _reasoned(rows: pl.DataFrame, basis: str) -> pl.DataFrame:
    from models.anomaly import sentences

    columns = ("told", "observed", "expected", "low", "high", "p_value")
    reasons = [
        list(sentences(str(told), *(float(one) for one in numbers), basis=basis))
        for told, *numbers in rows.select(columns).iter_rows()
    ]
    return rows.with_columns(reasons=pl.Series(reasons, dtype=pl.List(pl.String)))


def _parts(days: list[date]) -> list[list[date]]:
    """Return the days in parts that span DAYS_AT_ONCE at most."""
    parts: list[list[date]] = []
    for day in days:
        if not parts or (day - parts[-1][0]).days >= DAYS_AT_ONCE:
            parts.append([])
        parts[-1].append(day)
    return parts


@dg.asset(
    key=core_key(TABLE.name),
    deps=newest([core_key(name) for name in KINDS]),
    group_name="predictions",
    description="Unusual hours of metrics and days of log lines, against their own past.",
    kinds={"python", "deltalake"},
    tags={"layer": "predictions"},
)
def find_anomalies(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Judge the days that changed; see `models/anomaly.py`."""
    return described(workspace, update(workspace.lake))
