"""`golive model` over a lake in which a small learned model lives."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from learned_case import CASE, END, bench_of, simulated
from typer.testing import CliRunner, Result

from assets.learning import steps
from assets.learning.champion import Champion
from golive_cli.main import build
from golive_core.errors import UsageError
from golive_core.lake import Lake
from models import learned


@pytest.fixture(autouse=True)
def lived(home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "learned_models", lambda: {CASE.name: CASE})
    monkeypatch.chdir(home.parent)
    simulated(lake)
    steps.life_of(bench_of(lake, home), made_at=END + timedelta(hours=1))


def run(*args: str) -> Result:
    found = CliRunner().invoke(build(), ["model", *args])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def told(*args: str) -> Any:
    return json.loads(run(*args, "--json").stdout)


def test_list_history_card_and_rollback_tell_one_story(home: Path) -> None:
    [row] = told("list")
    assert (row["model"], row["project_id"], row["is_learned"]) == ("build_case", "demo", True)
    assert row["by"] == Champion.of(home, CASE, "demo").by
    assert f"{100 * row['metrics']['lift']:.1f} %" in run("list").stdout
    assert [one["kind"] for one in told("history", "build_case")] == ["promote", "fit", "evaluate"]

    card = run("card", "build_case").stdout
    assert card.startswith("# build_case: whether a build fails")
    assert "| `rate` | share of the last ten that failed |" in card
    said = row["metrics"]
    assert f"| demo | {said['rows']} | {said['events']} | {said['groups']} | 2026-03-" in card
    assert f"{said['learned']:.4f} | {said['heuristic']:.4f} | {said['constant']:.4f}" in card
    assert f"`{row['by']}`" in card

    back = told("rollback", "build_case", "--reason", "odd forecasts")
    assert back["by"] == "past failure rate"
    assert Champion.of(home, CASE, "demo").by == "past failure rate"
    newest = told("history", "build_case")[0]
    assert (newest["kind"], newest["reason"]) == ("rollback", "odd forecasts")
    assert told("list")[0]["by"] == "past failure rate"
    assert told("list")[0]["reason"].endswith(": odd forecasts")

    run("rollback", "build_case", "--project", "demo", "--to", row["by"])
    assert told("list")[0]["by"] == row["by"]


def test_wrong_use_is_told(home: Path) -> None:
    with pytest.raises(UsageError, match="no learned model is called 'weather'"):
        run("card", "weather")
    with pytest.raises(UsageError, match="names no model"):
        run("rollback")
    with pytest.raises(UsageError, match="there is no project 'shop' with cases"):
        run("list", "--project", "shop")
    run("rollback", "build_case")
    with pytest.raises(UsageError, match="the heuristic scores everywhere"):
        run("rollback", "build_case")


def test_a_damaged_file_is_told_of(home: Path) -> None:
    [path] = home.glob("models/build_case/demo/versions/*/estimator.skops")
    path.write_bytes(b"PK")
    found = run("list")
    assert "past failure rate" in found.stdout
    assert "the heuristic stands in" in found.stderr
