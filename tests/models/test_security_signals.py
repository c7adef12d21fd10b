"""Rules about security events: what is odd is told with a reason, what is usual is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from golive_core import schema
from models import security_signals
from models.security_signals import detect

NOW = datetime(2026, 5, 20, 10, 30, tzinfo=UTC)
MIB = 1 << 20


def event(minutes_ago: float, kind: str, outcome: str, **more: Any) -> dict[str, Any]:
    at = NOW - timedelta(minutes=minutes_ago)
    return {
        "event_id": str(at) + str(more), "at": at, "until_at": at, "day": at.date(), "kind": kind,
        "name": "", "outcome": outcome, "actor": "", "address": "", "resource": "", "events": 1,
        "size_bytes": 0, **more,
    }  # fmt: skip


def found(*events: dict[str, Any]) -> list[dict[str, Any]]:
    frame = schema.conform(
        schema.SECURITY_EVENTS, pl.DataFrame(list(events), infer_schema_length=None)
    )
    return detect(frame, since=NOW, made_at=NOW).to_dicts()


def refused(count: int, address: str = "198.51.100.7", **more: Any) -> dict[str, Any]:
    return event(10, "authentication", "refused", address=address, events=count, **more)


def test_a_few_slips_are_no_attack() -> None:
    assert found(refused(security_signals.GUESSES - 1)) == []


def test_guessing_from_one_address_is_told() -> None:
    (one,) = found(refused(security_signals.GUESSES))
    assert (one["rule"], one["severity"], one["subject"]) == (
        "failed_sign_ins", "warning", "198.51.100.7",
    )  # fmt: skip
    assert "10 sign-ins from 198.51.100.7 were refused" in one["reason"]


def test_guessing_that_came_in_is_critical() -> None:
    came_in = event(5, "authentication", "ok", address="198.51.100.7", actor="ada")
    assert [one["severity"] for one in found(refused(12), came_in)] == ["critical"]


def test_many_addresses_for_one_user_are_told() -> None:
    tries = [refused(1, f"198.51.100.{n}", actor="ada") for n in range(security_signals.SPRAYED)]
    (one,) = found(*tries)
    assert one["subject"] == "ada"
    assert "5 addresses failed to sign in as ada" in one["reason"]
    assert found(*tries[1:]) == []


def test_what_was_odd_before_is_not_told_again() -> None:
    old = event(200, "authentication", "refused", address="198.51.100.7", events=500)
    assert found(old) == []


def test_requests_beyond_limits_are_abuse() -> None:
    rate = event(3, "limit", "refused", address="203.0.113.9", events=20)
    denied = event(2, "authorisation", "refused", address="203.0.113.9", events=10)
    (one,) = found(rate, denied)
    assert (one["rule"], one["events"]) == ("api_abuse", 30)
    assert found(rate) == []


def test_a_new_address_of_a_known_user_is_told_once_they_are_known() -> None:
    read = {"actor": "ada", "size_bytes": 10}
    usual = event(5 * 24 * 60, "data_access", "ok", address="10.0.0.1", **read)
    again = event(4, "data_access", "ok", address="10.0.0.1", **read)
    other = event(3, "data_access", "ok", address="203.0.113.5", **read)
    (one,) = found(usual, again, other)
    assert (one["rule"], one["severity"], one["subject"]) == ("unusual_access", "info", "ada")
    assert "203.0.113.5 for the first time in 4 days" in one["reason"]
    assert found(again, other) == []


def test_far_more_than_usual_is_told_with_what_is_usual() -> None:
    usual = [
        event(60 * hour, "data_access", "ok", actor="bot", address="a", size_bytes=30 * MIB)
        for hour in range(2, 40)
    ]
    much = event(1, "data_access", "ok", actor="bot", address="a", size_bytes=400 * MIB)
    (one,) = found(*usual, much)
    assert (one["rule"], one["severity"]) == ("exfiltration", "critical")
    assert one["usual"] == 30 * MIB
    assert "took 400 MiB within an hour; a busy hour has 30.0 MiB" in one["reason"]
    less = event(1, "data_access", "ok", actor="bot", address="a", size_bytes=250 * MIB)
    assert found(*usual, less) == []


def test_the_same_finding_has_the_same_id() -> None:
    one, again = found(refused(12)), found(refused(15))
    assert one[0]["alert_id"] == again[0]["alert_id"]
