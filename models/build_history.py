"""Features of a build from verdicts: of its branch, pipeline, commit, author, and of the moment."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.evaluate import Floats
from models.path_kinds import KINDS, kind
from models.timeline import DAY_US, WINDOW_US, Span, Timeline

PROJECT = ["project_id"]
PIPELINE = ["project_id", "pipeline_id"]
BRANCH = ["project_id", "pipeline_id", "branch"]
COMMIT = ["project_id", "pipeline_id", "commit_sha"]
AUTHOR = ["project_id", "author"]
LONG_S = WINDOW_US / 1e6
TRUST = 2.0
"""Builds that the wider rate is worth in a narrower one."""
FLAKE_DAYS = 14
LOST_US = DAY_US
"""A build that was asked for longer ago was lost, and waits no more."""
EVER_US = 10_000 * DAY_US
SATURDAY = 6
"""As polars numbers weekdays."""


class Past:
    """What verdicts, changes and flakes say at any instant."""

    def __init__(self, past: pl.DataFrame, flakes: pl.DataFrame) -> None:
        judged = past.filter(pl.col("failed").is_not_null() & pl.col("known_at").is_not_null())
        self.project = _verdicts(judged, PROJECT)
        self.pipeline = _verdicts(judged, PIPELINE)
        self.branch = _verdicts(judged, BRANCH)
        self.commit = _verdicts(judged, COMMIT)
        self.author = _verdicts(judged, AUTHOR)
        self.main = _verdicts(judged.filter("is_main"), PIPELINE)
        end = pl.min_horizontal("known_at", pl.col("as_of") + pl.duration(microseconds=LOST_US))
        self.begun = Timeline(_later(past), PROJECT, at="as_of")
        self.gone = Timeline(past.with_columns(end=end), PROJECT, at="end")
        early = judged.filter("failed").drop_nulls("stage_share")
        self.stages = Timeline(early, BRANCH, at="known_at", value="stage_share")
        whole = flakes.with_columns(at=pl.max_horizontal("known_at", _end_of("day")))
        self.trials = Timeline(whole, PROJECT, at="at", value="trials")
        self.flakes = Timeline(whole, PROJECT, at="at", value="flakes")

    def of(self, asked: pl.DataFrame) -> dict[str, Floats]:
        """Return features by name, each of shape `(n,)`."""
        project = self.project.span(asked, "as_of")
        usual = (self.project.sum(project) + 1.0) / (project.count + 4.0)
        pipeline = self.pipeline.span(asked, "as_of")
        own = rate(self.pipeline, pipeline, usual)
        return {
            "project_rate": usual,
            "project_rate_5": rate(self.project, project.last(5), usual),
            "project_builds": project.count.astype(np.float64),
            "pipeline_rate": own,
            "pipeline_rate_10": rate(self.pipeline, pipeline.last(10), own),
            "pipeline_builds": pipeline.count.astype(np.float64),
            **self._line("branch", self.branch, asked, own),
            **self._line("main", self.main, asked, own),
            **self._commit(asked),
            **self._author(asked, usual),
            **self._moment(asked),
            **change(asked),
        }

    def _line(
        self, name: str, line: Timeline, asked: pl.DataFrame, usual: Floats
    ) -> dict[str, Floats]:
        """Return the state of a line of builds: the newest verdict, how long it has lasted."""
        span = line.span(asked, "as_of")
        good = line.good_place(span)
        since = line.since(good, asked, "as_of")
        return {
            f"{name}_builds": span.count.astype(np.float64),
            f"{name}_failing_builds": line.streak(span).astype(np.float64),
            f"{name}_last": np.where(span.count > 0, line.newest(span), usual),
            f"{name}_rate_5": rate(line, span.last(5), usual),
            f"{name}_rate_20": rate(line, span.last(20), usual),
            f"{name}_pass_age_s": np.where(np.isnan(since), LONG_S, since),
        }

    def _commit(self, asked: pl.DataFrame) -> dict[str, Floats]:
        span = self.commit.span(asked, "as_of")
        bad = self.commit.sum(span)
        return {"commit_failed_builds": bad, "commit_passed_builds": span.count - bad}

    def _author(self, asked: pl.DataFrame, usual: Floats) -> dict[str, Floats]:
        span = self.author.span(asked, "as_of")
        return {
            "author_rate": rate(self.author, span, usual, trust=5.0),
            "author_builds": span.count.astype(np.float64),
        }

    def _moment(self, asked: pl.DataFrame) -> dict[str, Floats]:
        begun = self.begun.span(asked, "as_of", EVER_US).count
        gone = self.gone.span(asked, "as_of", EVER_US).count
        days = FLAKE_DAYS * DAY_US
        trials = self.trials.sum(self.trials.span(asked, "as_of", days))
        flakes = self.flakes.sum(self.flakes.span(asked, "as_of", days))
        stages = self.stages.span(asked, "as_of").last(5)
        hour = asked["as_of"].dt.hour().to_numpy() + asked["as_of"].dt.minute().to_numpy() / 60
        turn = 2 * np.pi * hour / 24
        return {
            "waiting_count": (begun - gone).astype(np.float64),
            "flakes_count": flakes,
            "flake_rate": flakes / np.maximum(trials, 1.0),
            "stage_reached": (self.stages.sum(stages) + 0.5) / (stages.count + 1.0),
            "hour_sine": np.sin(turn),
            "hour_cosine": np.cos(turn),
            "weekend": (asked["as_of"].dt.weekday() >= SATURDAY).cast(pl.Float64).to_numpy(),
        }


def change(asked: pl.DataFrame) -> dict[str, Floats]:
    """Return features of the change itself."""
    paths = asked["paths"].list.len().fill_null(0).cast(pl.Float64)
    lines = asked["insertions"].fill_null(0) + asked["deletions"].fill_null(0)
    folders = asked["paths"].list.eval(pl.element().str.replace(r"/?[^/]*$", "")).list.n_unique()
    flags = {
        "of_merge": asked["is_merge"], "mending": asked["is_fix"],
        "on_main_line": asked["is_main"], "retry": asked["attempt"] > 1,
        "by_schedule": asked["trigger"].is_in(["schedule", "upstream"]),
        "by_hand": asked["trigger"] == "manual", "of_change_request":
        asked["trigger"] == "pull_request", "of_same_commit": asked["commits"] == 0,
    }  # fmt: skip
    counts = {
        "files_count": paths, "lines_count": lines, "folders_count": folders,
        "commits_count": asked["commits"], "authors_count": asked["authors"].list.len(),
    }  # fmt: skip
    numbers = {
        name: cells.fill_null(0).cast(pl.Float64).to_numpy() for name, cells in counts.items()
    }
    truths = {
        name: cells.fill_null(value=False).cast(pl.Float64).to_numpy()
        for name, cells in flags.items()
    }
    return {**numbers, **truths, **_kinds(asked)}


def _kinds(asked: pl.DataFrame) -> dict[str, Floats]:
    """Return the share of the changed files that are of each kind."""
    each = (
        asked.select("build_id", "paths")
        .explode("paths")
        .select("build_id", what=kind(pl.col("paths")))
    )
    shares = asked.select("build_id").join(
        each.group_by("build_id").agg(
            ((pl.col("what") == name).mean()).alias(name) for name in KINDS
        ),
        on="build_id", how="left", maintain_order="left",
    )  # fmt: skip
    has = (asked["paths"].list.len().fill_null(0) > 0).cast(pl.Float64).to_numpy()
    return {f"{name}_share": has * shares[name].fill_null(0.0).to_numpy() for name in KINDS}


def rate(line: Timeline, span: Span, usual: Floats, trust: float = TRUST) -> Floats:
    """Return the failure rate of the builds in `span`, smoothed by the usual one."""
    return (line.sum(span) + trust * usual) / (span.count + trust)


def _verdicts(judged: pl.DataFrame, keys: list[str]) -> Timeline:
    return Timeline(judged, keys, at="known_at", value="failed")


def _later(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows a moment later, so that none knows of itself."""
    return rows.with_columns(pl.col("as_of") + pl.duration(microseconds=1))


def _end_of(day: str) -> pl.Expr:
    """Return the end of a UTC day: what is booked on it may still change before."""
    return (pl.col(day) + pl.duration(days=1)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
