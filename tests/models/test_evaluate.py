"""Evaluations are found by their file, and say what is wrong with data that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import UsageError
from models import evaluate, evaluations

LOGHUB = "data/loghub_2k/loghub_2k.parquet"
LINES = pl.DataFrame({
    "system": ["a"] * 4,
    "content": ["took 1 ms", "took 2 ms", "disk is full", "disk is slow"],
    "event_id": ["E1", "E1", "E2", "E2"],
})  # fmt: skip
OTHER = '''"""Lines that are long.

More words.
"""
import polars as pl

COLUMNS = pl.Schema({"content": pl.String()})


def evaluate(data: pl.DataFrame) -> pl.DataFrame:
    return data.select(long=(pl.col("content").str.len_chars() > 10).mean())
'''


def test_a_file_is_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long_lines.py").write_text(OTHER)
    monkeypatch.setattr(evaluations, "__path__", [*evaluations.__path__, str(tmp_path)])
    assert evaluate.names() == ["log_templates", "long_lines"]
    found = evaluate.find("long_lines")
    assert (found.title, list(found.columns)) == ("Lines that are long.", ["content"])
    assert found.run(LINES).rows() == [(0.5,)]


def test_log_templates_are_measured_by_system_and_over_all() -> None:
    both = pl.concat([LINES, LINES.with_columns(system=pl.lit("b"), event_id=pl.col("content"))])
    rows = {row["system"]: row for row in evaluate.find("log_templates").run(both).to_dicts()}
    assert list(rows) == ["a", "b", "all"]
    assert (rows["a"]["at_once"], rows["b"]["at_once"], rows["all"]["at_once"]) == (0.5, 0.5, 0.5)
    assert (rows["a"]["lines"], rows["all"]["lines"], rows["all"]["templates"]) == (4, 8, 6)


def test_log_templates_keep_their_floors_on_loghub(shared: Callable[[str], Path]) -> None:
    rows = pl.read_parquet(shared(LOGHUB)).filter(pl.col("system").is_in(["OpenSSH", "Linux"]))
    *_, every = evaluate.find("log_templates").run(rows).to_dicts()
    assert every["in_parts"] > 0.99
    assert every["moved"] < 0.02
    assert every["unlike"] < 0.001


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LINES.drop("event_id", "system"), "the data has no system, event_id"),
        (LINES.clear(), "the data has no row"),
        (LINES.with_columns(event_id=pl.lit(b"\xff")), "another kind"),
    ],
)
def test_data_that_does_not_fit_is_refused(data: pl.DataFrame, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        evaluate.find("log_templates").run(data)


def test_an_unknown_evaluation_names_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        evaluate.find("nothing")
    assert "log_templates" in caught.value.hint
