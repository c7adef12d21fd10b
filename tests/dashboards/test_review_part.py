"""The part "What is risky in" of the page Predictions says what golive review says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import demo
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from golive_core import schema
from golive_core.lake import Lake
from tests.agents.repository import Made

Draw = Callable[..., AppTest]
CODE = "def total(items):\n    return sum(items)\n"


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html")).replace("<wbr>", "")


def forecast(lake: Lake, subject: str, sha: str) -> None:
    """Put a forecast of a branch into the lake."""
    now = datetime.now(UTC)
    row = {
        "project_id": "demo", "subject_kind": "branch", "subject_id": subject,
        "pipeline_id": "demo:build", "branch": subject, "commit_sha": sha, "probability": 0.4,
        "low": 0.3, "high": 0.5, "told_by": "the rule", "is_learned": False, "is_built": False,
        "reasons": ["it touches cart.py"], "cases": [], "model_id": "m", "as_of": now,
        "made_at": now,
    }  # fmt: skip
    spec = schema.BUILD_FAILURE
    lake.merge(spec.name, schema.conform(spec, pl.DataFrame([row], schema_overrides=spec.schema)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with the forecast of a branch whose repository is a source of the project."""
    home = tmp_path / ".golive"
    lake = demo.fill(home, builds=30, tests=10)
    (tmp_path / "shop").mkdir()
    made = Made(tmp_path / "shop")
    made.git("init", "-q", "-b", "main")
    made.commit({"cart.py": CODE}, "Begin")
    made.commit({"cart.py": CODE.replace("sum(items)", "sum(items) + 0")}, "Fix the total")
    made.git("checkout", "-q", "-b", "feature")
    sha = made.commit({"cart.py": CODE + "\n\nimport os\n"}, "Prepare")
    forecast(lake, "feature", sha)
    forecast(lake, "gone", "f" * 40)
    (tmp_path / "golive.toml").write_text(
        '[project.demo]\n[source.shop]\ntype = "git"\nproject = "demo"\npath = "shop"\n'
    )
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    return home


def test_a_change_is_reviewed_with_its_files_and_findings(draw: Draw, home: Path) -> None:
    app = draw(home, "predictions", change="feature")
    assert not app.exception
    said = html(app)
    assert "1 file in 1 folder, 4 new and 1 gone lines" in said
    assert "cart.py:5" in said
    assert "os" in said
    (files,) = [one.value for one in app.dataframe if "mended" in one.value.columns]
    assert files["path"].tolist() == ["cart.py"]
    assert files["mended"].tolist() == [1]


def test_a_commit_that_is_not_there_is_told(draw: Draw, home: Path) -> None:
    app = draw(home, "predictions", change="gone")
    assert not app.exception
    assert "gone cannot be reviewed: " in html(app)
    assert "there is no commit" in html(app)


def test_without_a_repository_the_command_is_told(draw: Draw, home: Path) -> None:
    (home.parent / "golive.toml").write_text("[project.demo]\n")
    assert "golive review main...fffffff" in html(draw(home, "predictions", change="gone"))
    nothing = draw(home, "predictions")
    assert nothing.selectbox(key="review-of").value is None
