"""`golive evaluate` as people meet it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.models.labelled import labelled


def test_without_a_name_the_protocols_are_listed(golive: Run) -> None:
    done = golive("evaluate")
    assert done.code == 0
    assert "flakeflagger" in done.out


def test_a_protocol_without_its_file_is_wrong_use(golive: Run) -> None:
    done = golive("evaluate", "flakeflagger")
    assert done.code == 2
    assert "ExecutionTime" in done.err


def test_scores_come_with_a_plot(golive: Run, tmp_path: Path) -> None:
    labelled(1, 60).write_parquet(tmp_path / "rows.parquet")
    plot = tmp_path / "plot.svg"
    done = golive("evaluate", "flakeflagger", "rows.parquet", "--plot", str(plot), "--json")
    assert done.code == 0, done.err
    scores = done.json["scores"]
    assert {one["protocol"] for one in scores} == {"pooled 10-fold", "classes apart"}
    assert "Reliability plot" in done.err
    assert plot.read_text().startswith("<svg")
