"""`golive evaluate` as people meet it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Run
from tests.models.labelled import labelled

pytestmark = pytest.mark.slow


def test_without_a_name_the_protocols_are_listed(golive: Run) -> None:
    done = golive("evaluate")
    assert done.code == 0
    assert "flakeflagger" in done.out


def test_a_protocol_without_its_file_is_wrong_use(golive: Run) -> None:
    done = golive("evaluate", "flakeflagger")
    assert done.code == 2
    assert "ExecutionTime" in done.err


def test_scores_come_with_a_plot(golive: Run, tmp_path: Path) -> None:
    labelled(1, 90).write_parquet(tmp_path / "rows.parquet")
    plot = tmp_path / "plot.svg"
    done = golive("evaluate", "flakeflagger", "rows.parquet", "--plot", str(plot), "--json")
    assert done.code == 0, done.err
    scores = done.json["scores"]
    assert {one["protocol"] for one in scores} == {"pooled 10-fold", "classes apart"}
    assert "Reliability plot" in done.err
    assert plot.read_text().startswith("<svg")


LINES = pl.DataFrame({
    "system": ["a"] * 3, "content": ["took 1 ms", "took 2 ms", "done"], "event_id": ["1", "1", "2"],
})  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_it_measures_labelled_rows_of_a_file(golive: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"lines.{kind}"
    {"csv": LINES.write_csv, "jsonl": LINES.write_ndjson}[kind](path)
    done = golive("evaluate", "log_templates", str(path), "--json")
    assert done.code == 0, done.err
    system, every = done.json["tables"]["by system"]
    assert (system["system"], system["lines"], system["at_once"]) == ("a", 3, 1.0)
    assert every["system"] == "all"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nothing", "x.csv"), "There are: "),
        (("log_templates",), "Columns: system, content, event_id"),
        (("log_templates", "missing.csv"), "cannot be read"),
    ],
)
def test_wrong_use_is_told(golive: Run, args: tuple[str, ...], said: str) -> None:
    done = golive("evaluate", *args)
    assert (done.code, said in done.err) == (2, True), done.err
