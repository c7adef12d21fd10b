"""golive predict as people meet it: on a lake of simulated builds, and in a clone."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from golive_cli.main import build
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake
from models import simulate

END = datetime(2026, 6, 1, tzinfo=UTC)


@cache
def tables() -> dict[str, pl.DataFrame]:
    return simulate.simulate(seed=31, builds=120, tests=20, days=30, end=END).tables


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path / ".golive"))
    monkeypatch.chdir(tmp_path)
    lake = Lake(tmp_path / ".golive" / "lake")
    names = [name for name in tables() if name not in ("core.test_results", "core.failures")]
    with lake.transaction("simulate") as txn:
        for name in names:
            (txn.insert if schema.find(name).is_fact else txn.merge)(name, tables()[name])
    return lake


def predict(*args: str) -> tuple[str, str]:
    """Return what stands on stdout and on stderr."""
    done = CliRunner().invoke(build(), ["predict", *args])
    if done.exception:
        raise done.exception
    return done.stdout, done.stderr


def document(*args: str) -> list[dict[str, Any]]:
    return json.loads(predict(*args, "--json")[0])


def head(lake: Lake) -> dict[str, Any]:
    return lake.query(
        "select * from core.branches where not is_deleted and not is_default limit 1"
    ).row(0, named=True)


def test_without_a_revision_all_that_is_open_is_listed(lake: Lake) -> None:
    rows = document()
    assert {row["branch"] for row in rows} >= {"main"}
    assert [row["probability"] for row in rows] == sorted(
        (row["probability"] for row in rows), reverse=True
    )
    out, _ = predict()
    assert "heuristic: rate by last verdict" in out
    assert "90 % interval" in out


def test_a_branch_a_commit_and_a_change_request_are_told_alike(lake: Lake) -> None:
    one = head(lake)
    change = {
        "change_request_id": "demo:7", "project_id": "demo", "repository_id": "demo-git",
        "source": "github", "day": END.date(), "number": 7, "status": "open",
        "source_branch": one["branch"], "head_sha": one["head_sha"], "opened_at": END,
        "updated_at": END,
    }  # fmt: skip
    lake.merge(
        "core.change_requests", schema.conform(schema.CHANGE_REQUESTS, pl.DataFrame([change]))
    )
    [branch] = document("--branch", one["branch"])
    [commit] = document(one["head_sha"][:12])
    [request] = document("--change", "#7")
    assert branch["commit_sha"] == commit["commit_sha"] == request["commit_sha"] == one["head_sha"]
    assert branch["probability"] == commit["probability"]
    assert request["subject_id"] == "demo:7"
    for row in (branch, commit, request):
        assert row["low"] < row["probability"] < row["high"]
        assert len(row["reasons"]) == 2
        assert len(row["cases"]) == 2


def test_a_range_is_told_with_all_its_commits(lake: Lake) -> None:
    shas = lake.query(
        "select commit_sha from core.builds where branch = 'main' and attempt = 1 "
        "order by queued_at desc"
    )["commit_sha"].unique(maintain_order=True)
    [row] = document(f"{shas[6]}..{shas[0]}")
    assert row["commit_sha"] == shas[0]
    assert row["subject_id"] == f"{shas[6]}..{shas[0]}"


def test_a_revision_of_a_clone_is_looked_up_in_the_lake(lake: Lake, tmp_path: Path) -> None:
    """A commit that the lake knows, by the names that git in this folder has for it."""
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for args in (
        ["init", "-q", "-b", "main"],
        [*who, "commit", "-q", "--allow-empty", "-m", "One"],
    ):
        subprocess.run(["git", *args], cwd=tmp_path, check=True)
    sha = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    with pytest.raises(UsageError, match="no commit HEAD in the lake"):
        predict("HEAD")
    known = tables()["core.commits"].filter(~pl.col("is_merge")).sort("committed_at").tail(1)
    lake.insert("core.commits", known.with_columns(sha=pl.lit(sha), subject=pl.lit("One")))
    [row] = document("HEAD")
    assert row["commit_sha"] == sha
    assert not row["is_built"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing"], "no commit nothing in the lake"),
        (["--branch", "mian"], "no branch is called 'mian'"),
        (["--change", "99"], "no change request 99 is known"),
        (["--change", "first"], "is no number of a change request"),
        (["--project", "dmo"], "no builds of a project 'dmo'"),
        (["main", "--branch", "main"], "each name one thing"),
        (["abc"], "no commit abc"),
    ],
)
def test_wrong_use_is_told(lake: Lake, args: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        predict(*args)


def test_without_builds_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="there are no builds yet"):
        predict()


def test_a_simulated_history_can_be_written_for_an_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path / ".golive"))
    monkeypatch.chdir(tmp_path)
    args = ["simulate", "--export", "builds.parquet", "--builds", "150", "--tests", "20"]
    assert CliRunner().invoke(build(), args).exit_code == 0
    assert not (tmp_path / ".golive" / "lake").exists()
    done = CliRunner().invoke(
        build(), ["evaluate", "build_failure", "builds.parquet", "--json", "--plot", "plot.svg"]
    )
    assert done.exit_code == 0, done.output
    scores = {one["measure"]: one for one in json.loads(done.stdout)["scores"]}
    assert set(scores) == {"AUC", "average precision", "Brier", "calibration error"}
    assert (tmp_path / "plot.svg").exists()


def test_how_long_each_build_takes_is_told_beside_it(lake: Lake) -> None:
    rows = document()
    told = [row for row in rows if row["expected_s"] is not None]
    assert told
    usual = lake.query(
        """select pipeline_id, median(duration_s) as took from core.builds
        where status in ('passed', 'failed') group by pipeline_id"""
    )
    medians = dict(usual.iter_rows())
    for row in told:
        assert row["expected_low_s"] <= row["expected_s"] <= row["expected_high_s"]
        assert row["expected_s"] == pytest.approx(medians[row["pipeline_id"]], rel=0.5)
    assert "takes" in predict()[0]
