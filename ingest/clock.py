"""A server's clock beside ours: the times of both end up in one table."""

from __future__ import annotations

from datetime import datetime

from golive_core.http import Answer
from ingest.source import Finding

SKEW_S = 30.0
"""Clocks that differ by less are taken for equal: a Date header has whole seconds and travels."""


def clock(answer: Answer, now: datetime) -> Finding:
    """Compare the server's clock with ours; the times of both end up in one table."""
    theirs = answer.server_time
    if theirs is None:
        return Finding("clock", "warning", "the server does not tell its time")
    return clock_of(theirs, now)


def clock_of(theirs: datetime, now: datetime) -> Finding:
    """Compare a time that a server told (aware) with ours."""
    skew_s = (theirs - now).total_seconds()
    if abs(skew_s) < SKEW_S:
        return Finding("clock", "ok", f"{abs(skew_s):.0f} s apart")
    side = "ahead of" if skew_s > 0 else "behind"
    return Finding(
        "clock", "warning", f"the server is {abs(skew_s):.0f} s {side} this machine",
        "Let both follow the same time server (NTP): timedatectl set-ntp true",
    )  # fmt: skip
