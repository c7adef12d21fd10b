"""Why tests flake, which flake together, and what it costs: of the tests that are not healthy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from assets.core import core_key
from assets.cursors import Mark, State, alone
from assets.partitions import newest
from assets.predictions.behind import FAILURES, KEY, builds, described_tests, failing, texts
from assets.predictions.scoring import NOTES, SOURCE, Scored, described, evidence_rows
from assets.refresh import data_version
from assets.workspace import Workspace
from golive_core import schema
from golive_core.lake import Lake
from golive_core.schema import Table
from golive_core.settings import Rates

NAME = "flaky_details"
VERDICTS = "predictions.flaky"
DETAILS, CLUSTERS = schema.FLAKY_DETAILS, schema.FLAKY_CLUSTERS


def update(
    lake: Lake,
    *,
    as_of: datetime | None = None,
    made_at: datetime | None = None,
    rates: Rates | None = None,
) -> Scored:
    """Tell cause, cluster and cost of every test that is not healthy, where something is new.

    Nothing is read where neither verdicts, failures, rates nor the models have changed.
    """
    if not lake.exists(VERDICTS):
        return Scored(DETAILS.name, 0, None)
    rates = rates or Rates()
    with alone(lake, DETAILS.name):
        state = State.read(lake, "predictions")
        cursor = _cursor(lake, rates)
        if as_of is None and state.mark(NAME, "mart").cursor == cursor:
            return Scored(DETAILS.name, 0, None)
        mark = state.row(NAME, "mart", Mark(lake.version(), None if as_of else cursor))
        daily = evidence_rows(lake, as_of)
        made_at = made_at or datetime.now(UTC)
        details, clusters = _found(lake, daily, rates, as_of or made_at, made_at)
        return _write(lake, details, clusters, mark)


def _cursor(lake: Lake, rates: Rates) -> dict[str, Any]:
    from models import causes, co_failures, flake_cost
    from models.runs import code_version

    files = [str(one.__file__) for one in (causes, co_failures, flake_cost)]
    files += [str(causes.EXAMPLES), str(causes.RULES)]
    return {
        "version": code_version(files),
        "verdicts": data_version(lake, VERDICTS),
        "failures": data_version(lake, FAILURES),
        "rates": [rates.usd_per_machine_minute, rates.usd_per_person_hour],
    }


def _found(
    lake: Lake, daily: pl.DataFrame, rates: Rates, as_of: datetime, made_at: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    from models import co_failures, flake_cost
    from models.runs import model_id

    notes = {"as_of": pl.lit(as_of), "made_at": pl.lit(made_at)}
    suspects = lake.query(
        "select project_id, test_id, verdict, rate, flakes from predictions.flaky "
        "where verdict <> 'healthy'"
    )
    failures = failing(lake, daily, as_of).join(suspects.select(KEY), on=KEY, how="semi")
    lines = builds(lake, daily)
    week = flake_cost.weekly_runs(daily)
    costed = flake_cost.expected(
        suspects.join(week, on=KEY, how="left"),
        failures,
        lines,
        rates.usd_per_machine_minute,
        rates.usd_per_person_hour,
    )
    told = costed.join(_causes(lake, failures), on=KEY, how="left")
    flaked = suspects.filter(pl.col("flakes") > 0).select(KEY)
    runs = daily.group_by(KEY).agg(pl.sum("runs")).join(flaked, on=KEY, how="semi")
    pairs = co_failures.pairs(co_failures.isolated(failures, lines), runs)
    members = told.join(co_failures.clusters(pairs), on=KEY, how="left")
    named = members.drop_nulls("cluster_id").join(
        described_tests(lake, daily).select(*KEY, "suite", "class_name", "file"), on=KEY, how="left"
    )
    details = members.with_columns(
        pl.col("cause").fill_null("unknown"), model_id=pl.lit(model_id(NAME, made_at)), **notes
    ).select(DETAILS.schema.names())
    groups = co_failures.told(named, pairs).with_columns(**notes).select(CLUSTERS.schema.names())
    return schema.conform(DETAILS, details), schema.conform(CLUSTERS, groups)


def _causes(lake: Lake, failures: pl.DataFrame) -> pl.DataFrame:
    """Return KEY with the cause of each test; a failure that many tests share is read once."""
    from models import causes

    counted = failures.drop_nulls("failure_id").group_by(*KEY, "failure_id").agg(
        times=pl.sum("failures")
    )  # fmt: skip
    said = texts(lake, counted["failure_id"].unique().to_list())
    one_of_each = said.unique("signature_id", keep="first", maintain_order=True)
    read = causes.classify(one_of_each).select(
        "signature_id", "cause", "cause_confidence", "cause_evidence"
    )
    of_each = counted.join(said.select("failure_id", "signature_id"), on="failure_id").join(
        read, on="signature_id"
    )
    return causes.of_tests(of_each)


def _write(lake: Lake, details: pl.DataFrame, clusters: pl.DataFrame, mark: pl.DataFrame) -> Scored:
    changed = [
        (table, frame)
        for table, frame in ((DETAILS, details), (CLUSTERS, clusters))
        if _differs(lake, table, frame)
    ]
    with lake.transaction(f"tell {NAME}") as txn:
        for table, frame in changed:
            txn.overwrite(table.name, frame)
        txn.merge("ops.cursors", mark)
    written = next((one for one in txn.results if one.table == DETAILS.name), None)
    return Scored(DETAILS.name, details.height, written)


def _differs(lake: Lake, table: Table, frame: pl.DataFrame) -> bool:
    """Tell whether a table says something else, notes on its making left out."""
    if not lake.exists(table.name):
        return True
    told = [name for name in table.schema.names() if name not in NOTES]
    old = lake.query(f"select * from {table.name}").select(told)  # noqa: S608 - of the schema
    return not old.sort(table.key).equals(frame.select(told).sort(table.key))


@dg.asset(
    key=core_key(DETAILS.name),
    deps=newest([core_key(VERDICTS), core_key(FAILURES), core_key(SOURCE)]),
    group_name="predictions",
    description="Why tests flake, which ones flake together, and what they cost in a week.",
    kinds={"scikitlearn", "deltalake"},
    tags={"layer": "predictions"},
)
def predict_flaky_details(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[Any]:
    """Tell cause, cluster and cost of every test that is not healthy; see `models/causes.py`."""
    return described(workspace, update(workspace.lake, rates=workspace.settings.rates))
