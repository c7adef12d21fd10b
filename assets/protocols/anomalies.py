"""Anomalies of metrics and logs against those that a simulated history has planted.

Each seed is a shop whose monitoring saw incidents (both metrics of a service climb, its log fills
with errors) and oddities that are none: a metric too high or too low for hours, a usual line said
two to six times as often for a day, or not at all. Metrics and lines are written into a lake of
its own; templates are mined and marts made as at home, and only then the truth is looked at. A
planted one is found if an hour (a day) of its series is told within it; a told hour (day) is right
if its series has something planted then, an hour of grace on both sides. The first WARM days are
not judged.

Rivals see the same marts: `3 sigma` tells what is more than three standard deviations from the mean
of the 28 days before, `week before` what is more than twice or less than half of a week ago.

DATA is a list of seeds. Settings were chosen on the seeds 1 to 3.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import polars as pl

from assets import refresh
from assets.log_templates import mine_lines
from assets.predictions import anomalies
from golive_core import schema
from golive_core.lake import Lake
from models.evaluate import Outcome, Protocol, Score, Tell
from models.simulate import Shape, Simulation, simulate

SEEDS = (11, 12, 13, 14, 15, 16)
DAYS = 90
WARM = 10
END = datetime(2026, 11, 24, 9, tzinfo=UTC)
SHAPE = Shape(oddities=3.0)
MARTS = (anomalies.METRICS, anomalies.LOGS)
GRACE = timedelta(hours=1)
TABLES = ("core.metric_points", "core.log_lines")
HOURS = """
select
    instance, series, hour_at as began_at, mean_value as observed,
    avg(mean_value) over before as mean, stddev(mean_value) over before as spread,
    first_value(mean_value) over (
        partition by instance, series order by hour_at
        range between interval 168 hours preceding and interval 168 hours preceding
    ) as week_before
from marts.metric_hourly
window before as (
    partition by instance, series order by hour_at
    range between interval 28 days preceding and interval 1 hour preceding
)
"""
LINES = """
with days as (select distinct day from marts.log_template_rates),
series as (select distinct service, template_id, template from marts.log_template_rates),
filled as (
    select series.service, series.template_id, series.template, days.day,
        coalesce(said.log_lines, 0) as observed
    from series cross join days
    left join marts.log_template_rates as said
        on series.service = said.service and series.template_id = said.template_id
        and days.day = said.day
)
select
    service, template_id, template, day::timestamptz as began_at, observed,
    avg(observed) over before as mean, stddev(observed) over before as spread,
    lag(observed, 7) over (partition by service, template_id order by day) as week_before
from filled
window before as (
    partition by service, template_id order by day rows between 28 preceding and 1 preceding
)
"""
RULES = {
    "3 sigma": (pl.col("observed") - pl.col("mean")).abs() > 3 * pl.col("spread"),
    "week before": (pl.col("observed") > 2 * pl.col("week_before"))
    | (pl.col("observed") < pl.col("week_before") / 2),
}


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return precision and recall by kind; `rows` may have a column seed."""
    seeds = rows["seed"].to_list() if "seed" in rows.columns else list(SEEDS)
    found: dict[str, list[pl.DataFrame]] = {}
    truths: list[pl.DataFrame] = []
    for seed in seeds:
        tell(f"seed {seed}")
        told, truth = history(seed)
        truths.append(truth.with_columns(seed=pl.lit(seed)))
        for who, frame in told.items():
            found.setdefault(who, []).append(frame.with_columns(seed=pl.lit(seed)))
    planted = pl.concat(truths)
    told_by = {who: pl.concat(frames) for who, frames in found.items()}
    return Outcome(scores(told_by, planted), {}, {"found by kind": _by_kind(told_by, planted)})


def history(seed: int, days: int = DAYS) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Return by who what was told (subject_kind, service, what, began_at), and the truth."""
    made = simulate(seed=seed, builds=3 * days, tests=10, days=days, end=END, shape=SHAPE)
    first = made.tables["core.metric_points"]["at"].min()
    assert isinstance(first, datetime)  # noqa: S101 - there are points
    since = datetime.combine(first.date() + timedelta(days=WARM + 1), time(), UTC)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        _write(lake, made)
        anomalies.update(lake)
        told = {"": _ours(lake), **_rivals(lake)}
    late = {who: frame.filter(pl.col("began_at") >= since) for who, frame in told.items()}
    return late, truth_of(made).filter(pl.col("began_at") >= since)


def _write(lake: Lake, made: Simulation) -> None:
    with lake.transaction("simulate") as txn:
        for name in TABLES:
            put = txn.insert if schema.find(name).is_fact else txn.merge
            put(name, made.tables[name])
    mine_lines(lake)
    for mart in refresh.marts():
        if mart.table in MARTS:
            refresh.refresh(lake, mart)


def truth_of(made: Simulation) -> pl.DataFrame:
    """Return planted anomalies: kind, subject_kind, service, what (null: any), began_at, ended_at.

    An incident is one of each metric of its service, and one of the errors of its log on each day.
    """
    ill = made.tables["core.incidents"].select(
        kind=pl.lit("incident"), service="service",
        began_at=pl.col("started_at") - timedelta(minutes=30),
        ended_at=pl.col("resolved_at").fill_null(END),
    )  # fmt: skip
    metrics = [ill.with_columns(subject_kind=pl.lit("metric"), what=pl.lit(metric))
               for metric in ("error_rate", "latency_p95_s")]  # fmt: skip
    logs = ill.with_columns(subject_kind=pl.lit("log"), what=pl.lit(None, pl.String))
    odd = made.truth["oddities"].drop("factor")
    return pl.concat([odd, *(one.select(odd.columns) for one in (*metrics, logs))])


def _ours(lake: Lake) -> pl.DataFrame:
    rows = lake.query(
        """select subject_kind, service, began_at,
            case when subject_kind = 'metric' then split_part(subject, '{', 1)
                else template end as what
        from predictions.anomalies"""
    )
    return rows.select("subject_kind", "service", "what", "began_at")


def _rivals(lake: Lake) -> dict[str, pl.DataFrame]:
    hours, lines = lake.query(HOURS), lake.query(LINES)
    metric = hours.with_columns(
        subject_kind=pl.lit("metric"), service=pl.col("series").str.extract(anomalies.SERVICE),
        what=pl.col("series").str.split("{").list.first(),
    )  # fmt: skip
    log = lines.with_columns(subject_kind=pl.lit("log"), what="template")
    columns = ["subject_kind", "service", "what", "began_at"]
    return {
        name: pl.concat([one.filter(rule).select(columns) for one in (metric, log)])
        for name, rule in RULES.items()
    }


def matched(told: pl.DataFrame, planted: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of `told_at` and `planted_at` (row numbers) of one series at one time.

    A log's day matches what is planted on it: a line by how it begins, an incident by any line of
    its service that is no usual one.
    """
    left = told.with_row_index("told_at")
    right = planted.with_row_index("planted_at")
    both = left.join(right, on=["seed", "subject_kind", "service"], suffix="_planted")
    is_log = pl.col("subject_kind") == "log"
    length = pl.when(is_log).then(pl.duration(days=1)).otherwise(pl.duration(hours=1))
    grace = pl.when(is_log).then(pl.duration(hours=0)).otherwise(pl.lit(GRACE))
    meets = (pl.col("began_at") < pl.col("ended_at") + grace) & (
        pl.col("began_at") + length > pl.col("began_at_planted") - grace
    )
    usual = pl.any_horizontal(pl.col("what").str.starts_with(one) for one in USUAL)
    starts = pl.col("what").str.starts_with(pl.col("what_planted"))
    is_same = pl.when(pl.col("kind") == "incident", is_log).then(
        ~usual.fill_null(value=False)
    ).otherwise(starts)  # fmt: skip
    return both.filter(meets & is_same.fill_null(value=False)).select("told_at", "planted_at")


USUAL = ("order", "cache of", "worker", "request to", "retry")


def scores(told_by: dict[str, pl.DataFrame], planted: pl.DataFrame) -> list[Score]:
    """Return precision and recall of ours by kind, the rivals' beside them."""
    found: list[Score] = []
    for kind, goal in (("metric", 0.9), ("log", 0.9)):
        measured = {
            who: _measured(*(one.filter(pl.col("subject_kind") == kind) for one in (told, planted)))
            for who, told in told_by.items()
        }
        ours = measured.pop("")
        note = f"{planted.filter(pl.col('subject_kind') == kind).height} planted"
        for at, measure in enumerate(("precision", "recall")):
            rivals = {who: one[at] for who, one in measured.items()}
            found.append(Score(f"{kind}s", measure, ours[at], rivals, "", goal, note=note))
    return found


def _measured(told: pl.DataFrame, planted: pl.DataFrame) -> tuple[float, float]:
    """Return precision of what is told and recall of what is planted."""
    pairs = matched(told, planted)
    right, found = pairs["told_at"].n_unique(), pairs["planted_at"].n_unique()
    return right / max(1, told.height), found / max(1, planted.height)


def _by_kind(told_by: dict[str, pl.DataFrame], planted: pl.DataFrame) -> pl.DataFrame:
    """Return by kind of anomaly how many are planted, and how many each found."""
    table = planted.group_by("subject_kind", "kind").agg(pl.len().alias("planted"))
    for who, told in told_by.items():
        pairs = matched(told, planted)
        hits = planted.with_row_index("planted_at").join(pairs, on="planted_at", how="semi")
        found = hits.group_by("subject_kind", "kind").agg(pl.len().alias(who or "GoLive"))
        table = table.join(found, on=["subject_kind", "kind"], how="left")
    return table.fill_null(0).sort("subject_kind", "kind")


PROTOCOL = Protocol(
    "anomalies",
    "unusual hours of metrics and days of logs in planted histories",
    (),
    run,
    takes_seeds=True,
)
