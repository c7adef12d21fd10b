"""What status and doctor say of sources: what their servers let us ask, and how late they are."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from golive_cli.commands.doctor import lag
from golive_core.http.limits import Limits
from golive_core.settings import Settings
from tests.cli.conftest import Run


def test_status_tells_what_each_server_lets_us_ask(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text(
        '[project.shop]\n[source.hub]\ntype = "github"\nrepositories = ["a/b"]\n'
        '[source.wiki]\ntype = "confluence"\nurl = "https://wiki.example.org"\n'
    )
    before = golive("status", "--json").json["sources"]
    assert [(one["quota"], one["pause_ends_at"], one["limits"]) for one in before] == [
        (None, None, ""), (None, None, ""),
    ]  # fmt: skip
    limits = Limits("hub", tmp_path / ".golive")
    headers = {
        "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4812",
        "x-ratelimit-reset": f"{time.time() + 1860:.0f}", "x-ratelimit-resource": "core",
    }  # fmt: skip
    limits.learn(headers, is_refused=False)
    Limits("wiki", tmp_path / ".golive").pause(840, "HTTP 429")
    hub, wiki = golive("status", "--json").json["sources"]
    told = hub["quota"]
    assert (told["name"], told["limit"], told["remaining"]) == ("core", 5000, 4812)
    assert 1800 < told["resets_in_s"] <= 1860
    assert hub["pause_ends_at"] is None
    assert wiki["paused_by"] == "HTTP 429"
    done = golive("status")
    assert "4,812 of 5,000 left, full again in 31 min" in done.out
    assert "(in 14 min): HTTP 429" in done.out
    assert "goes on by itself" in done.err


NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("succeeded_min", "schedule", "state"),
    [
        (16, "*/15 * * * *", "ok"), (45, "*/15 * * * *", "ok"), (75, "*/15 * * * *", "warning"),
        (60 * 30, "0 4 * * *", "ok"), (60 * 80, "0 4 * * *", "warning"),
        (60 * 70, "0 9 * * mon-fri", "ok"),
    ],
)  # fmt: skip
def test_doctor_warns_of_a_source_that_missed_its_schedule(
    tmp_path: Path, succeeded_min: int, schedule: str, state: str
) -> None:
    settings = Settings(tmp_path, tmp_path / ".golive", schedules={"hub-1": schedule})
    health = {
        "succeeded_at": NOW - timedelta(minutes=succeeded_min), "hint": None,
        "newest_at": NOW - timedelta(days=2), "status": "ok",
    }  # fmt: skip
    found = lag(settings, "hub-1", health, NOW)
    assert found.state == state, found
    assert "newest event 2 d ago" in found.detail
    if state == "warning":
        assert "golive ingest hub-1" in found.hint
        assert "every_hub_1" in found.hint
        assert schedule in found.detail


def test_doctor_tells_of_sources_that_never_worked(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / ".golive")
    assert lag(settings, "hub", None, NOW).detail == "it was never pulled"
    health = {"succeeded_at": None, "newest_at": None, "hint": "Make a token", "status": "failed"}
    found = lag(settings, "hub", health, NOW)
    assert (found.state, found.hint) == ("warning", "Make a token; then golive ingest hub")
    paused = lag(settings, "hub", {**health, "status": "paused"}, NOW)
    assert (paused.state, paused.detail) == ("ok", "paused, last success never")
