"""Sentences that say why: expressions over the columns of a scored frame."""

from __future__ import annotations

import polars as pl

MENDED_FLAKES = 4
"""Flakes from which on it is said of a test that is not called flaky any more."""
SHOWN_ENOUGH = 0.9
"""Share of flaky tests that would have shown themselves above which nothing is said of it."""


def percent(rate: pl.Expr) -> pl.Expr:
    """Return a rate as text with two digits, for example `3.1 %` or `0.052 %`."""
    return pl.concat_str((rate * 100).round_sig_figs(2).cast(pl.String), pl.lit(" %"))


def count(number: pl.Expr, noun: str) -> pl.Expr:
    """Return a number with its noun, `1 attempt` or `7 attempts`."""
    ending = pl.when(number == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    return pl.concat_str(number.cast(pl.String), pl.lit(f" {noun}"), ending)


def sentences(*told: pl.Expr) -> pl.Expr:
    """Return the list of those sentences that are not null."""
    return pl.concat_list(*told).list.drop_nulls()


def flaky(threshold: float) -> pl.Expr:
    """Return the reasons of a verdict of `models.flaky`, most telling first."""
    return sentences(
        _broken(), _failed(), _contradicted(), _mended(), _lasting(), _outages(), _rate(threshold),
        _ceiling(),
    )  # fmt: skip


def _broken() -> pl.Expr:
    sha = pl.col("broken_since_sha").str.slice(0, 10)
    where = pl.coalesce(pl.concat_str(pl.lit(" commit "), sha), pl.lit(" "))
    text = pl.concat_str(
        pl.lit("fails since"),
        where,
        pl.col("broken_since_at").dt.strftime(" (%Y-%m-%d %H:%M UTC), "),
        count(pl.col("broken_attempts"), "attempt"),
        pl.lit(" in a row on the default branch"),
    )
    return pl.when(pl.col("verdict") == "broken").then(text)


def _failed() -> pl.Expr:
    attempts = count(pl.col("attempts"), "judged attempt")
    failed = pl.concat_str(
        pl.lit("failed "), pl.col("failures").cast(pl.String), pl.lit(" of "), attempts
    )
    never = pl.concat_str(pl.lit("passed all "), attempts)
    none = pl.lit("no attempt could be judged yet")
    return (
        pl.when(pl.col("attempts") == 0)
        .then(none)
        .when(pl.col("failures") == 0)
        .then(never)
        .otherwise(failed)
    )


def _contradicted() -> pl.Expr:
    text = pl.concat_str(
        pl.col("flakes").cast(pl.String),
        pl.lit(" of these failures contradicted by a pass ("),
        count(pl.col("retry_passes"), "retry pass").str.replace("passs", "passes", literal=True),
        pl.lit(", "),
        count(pl.col("mixed_commits"), "commit"),
        pl.lit(" that both passed and failed, "),
        count(pl.col("flips"), "failure"),
        pl.lit(" between two passing builds)"),
    )
    return pl.when(pl.col("flakes") > 0).then(text)


def _mended() -> pl.Expr:
    at = pl.col("last_flaked_on").dt.strftime("%Y-%m-%d")
    text = pl.format("last flaked on {}: since then it looks mended", at)
    often = pl.col("flakes") >= MENDED_FLAKES
    return pl.when((pl.col("verdict") == "healthy") & often).then(text)


def _ceiling() -> pl.Expr:
    share = (pl.col("shown_by_now") * 100).round(0).cast(pl.Int64)
    text = pl.format(
        "of flaky tests like those of this project, {} % would have flaked by now", share
    )
    few = pl.col("shown_by_now") < SHOWN_ENOUGH
    return pl.when((pl.col("flakes") == 0) & (pl.col("attempts") > 0) & few).then(text)


def _lasting() -> pl.Expr:
    text = pl.concat_str(
        pl.col("lasting_failures").cast(pl.String),
        pl.lit(" of these failures lasted: kept apart as broken code"),
    )
    return pl.when(pl.col("lasting_failures") > 0).then(text)


def _outages() -> pl.Expr:
    text = pl.concat_str(
        count(pl.col("outage_failures"), "more failure"),
        pl.lit(" while many unrelated tests failed at once: put down to infrastructure"),
    )
    return pl.when(pl.col("outage_failures") > 0).then(text)


def _rate(threshold: float) -> pl.Expr:
    unsure = (pl.col("rate_high") > threshold) & (pl.col("rate_low") < threshold)
    text = pl.concat_str(
        pl.lit("flake rate "),
        percent(pl.col("rate")),
        pl.lit(" per attempt, 90 % interval "),
        percent(pl.col("rate_low")),
        pl.lit(" to "),
        percent(pl.col("rate_high")),
        pl.when(unsure).then(pl.lit(": more attempts will tell")).otherwise(pl.lit("")),
    )
    return pl.when((pl.col("flakes") > 0) | unsure).then(text)


def next_failure(outage_share: float) -> pl.Expr:
    """Return the reasons of a forecast of `models.next_failure`."""
    states = pl.Series(
        [
            "its last run on the default branch passed",
            "it failed in its last run on the default branch",
            "it has failed in 2 or 3 attempts since its last pass on the default branch",
            "it has failed in 4 or more attempts since its last pass on the default branch",
        ]
    )
    past = pl.concat_str(
        pl.lit("failed "),
        pl.col("failures").cast(pl.String),
        pl.lit(" of "),
        count(pl.col("attempts"), "attempt"),
        pl.lit(" in all, outages left out"),
    )
    lost = pl.format("outages take {} of all attempts", percent(pl.lit(outage_share)))
    return sentences(pl.lit(states).gather(pl.col("now")), past, lost)


def selection() -> pl.Expr:
    """Return the reasons of a rank of `models.selecting`, most telling first."""
    runs = pl.min_horizontal(pl.col("runs"), pl.lit(5))
    recently = pl.format(
        "failed in {} of its last {}", pl.col("failed_recently"), count(runs, "run")
    )
    since = pl.col("since_failure").cast(pl.Int64, strict=False)
    failed = pl.concat_str(pl.lit("failed last "), count(since, "build"), pl.lit(" ago"))
    away = pl.col("since_run").cast(pl.Int64, strict=False) - 1
    gone = pl.concat_str(pl.lit("was not run for "), count(away, "build"))
    never = pl.concat_str(pl.lit("has not failed in "), count(pl.col("runs"), "run"))
    near = pl.format("tests next to it failed in {} of their recent runs", percent(pl.col("near")))
    is_new, has_failed = pl.col("runs") == 0, pl.col("since_failure").is_not_nan()
    return sentences(
        pl.when("touches").then(pl.lit("touches the same folder or name as the change")),
        pl.when(is_new).then(pl.lit("is new: it has never run")),
        pl.when(pl.col("failed_recently") > 0).then(recently),
        pl.when((pl.col("failed_recently") == 0) & has_failed).then(failed),
        pl.when(~has_failed & ~is_new).then(never),
        pl.when(~is_new & (away > 1)).then(gone),
        pl.when(pl.col("near") > 2 * pl.col("usual")).then(near),
    )
