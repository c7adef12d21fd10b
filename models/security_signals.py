"""What is odd among security events: guessing, abuse, access from a new place, too much taken.

Rules with thresholds that a reader can check, not a score: an alert has to say why. Each looks at
one hour of one subject; what is usual comes from the subject's own past. See
`docs/models/security_signals.md`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

HISTORY = timedelta(days=30)
"""How far back the past of a subject is looked at."""
GUESSES = 10
"""Refused sign-ins of an hour from one address that are told; MANY_GUESSES are critical."""
MANY_GUESSES = 50
SPRAYED = 5
"""Addresses that failed to sign in as one user within an hour from which that is told."""
REFUSALS = 30
"""Requests of an hour that somebody may not make, or that go beyond a limit."""
NEW_AFTER = timedelta(days=3)
"""Days that an actor has to be known before an address can be new to them."""
FLOOR_BYTES = 200 << 20
"""Bytes of an hour below which nothing is too much."""
TIMES = 10.0
"""Multiple of an actor's usual busy hour (95 % quantile) that is too much."""
ALERT = {
    "alert_id": pl.String(), "rule": pl.String(), "severity": pl.String(),
    "at": pl.Datetime("us", "UTC"), "until_at": pl.Datetime("us", "UTC"), "subject": pl.String(),
    "events": pl.Int64(), "size_bytes": pl.Int64(), "usual": pl.Float64(), "reason": pl.String(),
    "made_at": pl.Datetime("us", "UTC"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hour:
    """One subject in one hour, as a rule sees it."""

    subject: str
    at: datetime
    until_at: datetime
    events: int
    size_bytes: int = 0


def detect(events: pl.DataFrame, *, since: datetime, made_at: datetime) -> pl.DataFrame:
    """Return rows of ops.security_alerts for the hours from that of `since` on.

    `events` has the columns of ops.security_events, of HISTORY before `since` and later.
    """
    start = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hourly = events.with_columns(hour=pl.col("at").dt.truncate("1h"))
    fresh = hourly.filter(pl.col("hour") >= start)
    rows = [
        *_guessing(fresh), *_spraying(fresh), *_abuse(fresh), *_new_places(hourly, start),
        *_taken(hourly, start),
    ]  # fmt: skip
    return pl.DataFrame([{**row, "made_at": made_at} for row in rows], schema=ALERT)


def _hours(events: pl.DataFrame, by: str) -> Iterator[Hour]:
    """Yield what happened by subject and hour; nobody (an empty `by`) is left out."""
    made = (
        events.filter(pl.col(by) != "")
        .group_by(by, "hour", maintain_order=True)
        .agg(pl.col("at").min(), pl.col("until_at").max(), pl.col("events", "size_bytes").sum())
    )
    for row in made.iter_rows(named=True):
        yield Hour(row[by], row["at"], row["until_at"], row["events"], row["size_bytes"])


def _row(
    rule: str, severity: str, hour: Hour, reason: str, usual: float | None = None
) -> dict[str, object]:
    start = hour.at.replace(minute=0, second=0, microsecond=0)
    key = "\x1f".join((rule, hour.subject, start.isoformat()))
    return {
        "alert_id": hashlib.sha256(key.encode()).hexdigest()[:32], "rule": rule,
        "severity": severity, "at": hour.at, "until_at": hour.until_at, "subject": hour.subject,
        "events": hour.events, "size_bytes": hour.size_bytes, "usual": usual, "reason": reason,
    }  # fmt: skip


def _sign_ins(events: pl.DataFrame, outcome: str) -> pl.DataFrame:
    return events.filter(kind="authentication", outcome=outcome)


def _guessing(fresh: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Yield addresses that failed to sign in often, worse where one came in afterwards."""
    came_in = _sign_ins(fresh, "ok").group_by("address").agg(pl.col("until_at").max())
    latest = dict(came_in.iter_rows())
    for hour in _hours(_sign_ins(fresh, "refused"), "address"):
        if hour.events < GUESSES:
            continue
        got_in = hour.subject in latest and latest[hour.subject] >= hour.at
        reason = f"{hour.events} sign-ins from {hour.subject} were refused within an hour"
        if got_in:
            reason += ", and one then worked"
        is_bad = got_in or hour.events >= MANY_GUESSES
        yield _row("failed_sign_ins", "critical" if is_bad else "warning", hour, reason)


def _spraying(fresh: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Yield users that many addresses tried in vain."""
    refused = _sign_ins(fresh, "refused")
    places = refused.group_by("actor", "hour").agg(pl.col("address").n_unique())
    many = {(actor, hour): count for actor, hour, count in places.iter_rows() if count >= SPRAYED}
    for one in _hours(refused, "actor"):
        start = one.at.replace(minute=0, second=0, microsecond=0)
        if (count := many.get((one.subject, start))) is not None:
            reason = f"{count} addresses failed to sign in as {one.subject} within an hour"
            yield _row("failed_sign_ins", "critical", one, reason)


def _abuse(fresh: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Yield addresses that keep asking for what they may not have, or too often."""
    beyond = fresh.filter(
        pl.col("kind").is_in(["authorisation", "limit"]), pl.col("outcome") == "refused"
    )
    for hour in _hours(beyond, "address"):
        if hour.events >= REFUSALS:
            reason = (
                f"{hour.events} requests from {hour.subject} within an hour were beyond a limit, "
                "for nothing that is there, or not permitted"
            )
            yield _row("api_abuse", "warning", hour, reason)


def _new_places(hourly: pl.DataFrame, start: datetime) -> Iterator[dict[str, object]]:
    """Yield actors that came from an address that was never theirs before."""
    ok = hourly.filter(pl.col("outcome") == "ok", pl.col("actor") != "", pl.col("address") != "")
    first = ok.group_by("actor").agg(known_at=pl.col("at").min())
    pairs = (
        ok.group_by("actor", "address")
        .agg(pl.col("at").min(), pl.col("until_at").min(), pl.col("events").sum())
        .join(first, on="actor")
        .filter(pl.col("at") >= start, pl.col("at") - pl.col("known_at") >= NEW_AFTER)
        .sort("at", "actor", "address")
    )
    for row in pairs.iter_rows(named=True):
        hour = Hour(row["actor"], row["at"], row["until_at"], row["events"])
        days = (row["at"] - row["known_at"]).days
        reason = f"{row['actor']} came from {row['address']} for the first time in {days} days"
        yield _row("unusual_access", "info", hour, reason)


def _taken(hourly: pl.DataFrame, start: datetime) -> Iterator[dict[str, object]]:
    """Yield actors that took far more in an hour than they ever do."""
    read = hourly.filter(kind="data_access", outcome="ok")
    past = (
        read.filter(pl.col("hour") < start)
        .group_by("actor", "hour")
        .agg(pl.col("size_bytes").sum())
        .group_by("actor")
        .agg(pl.col("size_bytes").quantile(0.95))
    )
    usual = dict(past.iter_rows())
    for hour in _hours(read.filter(pl.col("hour") >= start), "actor"):
        known = usual.get(hour.subject)
        if hour.size_bytes < max(FLOOR_BYTES, TIMES * (known or 0.0)):
            continue
        beside = f"a busy hour has {known / 2**20:.1f} MiB" if known else "it read nothing before"
        reason = f"{hour.subject} took {hour.size_bytes / 2**20:,.0f} MiB within an hour; {beside}"
        yield _row("exfiltration", "critical", hour, reason, known)
