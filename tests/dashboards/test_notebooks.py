"""The worked analyses in notebooks/, cell by cell as Jupyter would run them, over a real lake."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from test_frame import run

from assets import refresh
from dashboards import app
from golive_core import schema
from golive_core.lake import Lake

FOLDER = Path(app.__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
DEPLOYMENT_MARTS = ("marts.deployments", "marts.deployed_commits")


@pytest.fixture(scope="module")
def deployed(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo project with every tenth commit of its main line deployed two hours later."""
    home = tmp_path_factory.mktemp("deployed") / ".golive"
    shutil.copytree(filled, home)
    lake = Lake(home / "lake")
    builds = lake.query(
        "select commit_sha, finished_at, branch from core.builds where branch = 'main' "
        "and commit_sha is not null and finished_at is not null order by finished_at"
    ).unique("commit_sha", keep="first", maintain_order=True)
    rows = [
        {"deployment_id": f"d{number}", "project_id": "demo", "source": "test", "service": "shop",
         "environment": "production", "environment_kind": "production", "branch": row["branch"],
         "status": "failed" if number % 7 == 3 else "passed", "commit_sha": row["commit_sha"],
         "started_at": row["finished_at"], "finished_at": row["finished_at"] + timedelta(hours=2),
         "day": row["finished_at"].date()}
        for number, row in enumerate(builds.gather_every(10).to_dicts())
    ]  # fmt: skip
    table = schema.find("core.deployments")
    lake.insert("core.deployments", schema.conform(table, pl.DataFrame(rows)))
    for mart in refresh.marts():
        if mart.table in DEPLOYMENT_MARTS:
            refresh.refresh(lake, mart)
    return home


def ran(name: str) -> dict[str, Any]:
    """Run a notebook of the folder; return its names."""
    return run((FOLDER / f"{name}.ipynb").read_text())


def test_there_are_four_and_none_carries_output() -> None:
    assert NAMES == ["calibration", "delivery", "flaky_tests", "what_broke"]
    for name in NAMES:
        made = json.loads((FOLDER / f"{name}.ipynb").read_text())
        assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
        assert not any(cell.get("outputs") for cell in made["cells"])
        assert made["cells"][0]["cell_type"] == "markdown"


def test_flaky_tests(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    found = ran("flaky_tests")
    assert found["flaky"].height >= 3
    golive, *others = found["counted"]
    assert golive["flaky"] == golive["golive too"] == found["flaky"].height
    assert len(others) >= 5
    assert found["cost"]["wasted_minutes"].is_sorted(descending=True)


def test_delivery(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(deployed))
    found = ran("delivery")
    good = found["outcomes"].select(pl.col("deployments") - pl.col("failed")).sum().item()
    assert found["weeks"]["deployments"].sum() == good > 0
    assert found["frequency"] == pytest.approx(good / (7 * found["weeks"].height))
    low, high = found["interval"]
    assert low <= found["lead"]["median"] <= high
    assert found["leads"].height > 0


def test_delivery_without_deployments_says_so(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    found = ran("delivery")
    assert (found["interval"], found["known"]) == (None, "no deployment to production is known")


def test_what_broke(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    found = ran("what_broke")
    red = Lake(filled / "lake").query(
        "select count(*) as n from marts.pipeline_state where is_main_line "
        "and last_status in ('failed', 'error')"
    ).item()  # fmt: skip
    assert found["broken"].height == red > 0
    assert found["signatures"].height > 0
    assert found["suspects"].height > 0
    assert found["then"] is not None


def test_calibration(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    found = ran("calibration")
    scores = found["scores"]
    assert found["cases"].height > 1000
    assert scores["brier"] < scores["brier of the average"]
    assert scores["lift of the top 5 %"] > 2
    assert isinstance(alt.layer(found["line"], found["dots"]).to_dict(), dict)
