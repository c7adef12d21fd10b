"""A model run can be told from another by its id, its code and its data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from golive_core import schema
from models.runs import code_version, data_hash, model_id, model_run

MADE = datetime(2026, 3, 2, 9, 30, 15, 42, tzinfo=UTC)


def test_an_id_names_model_and_time() -> None:
    assert model_id("flaky", MADE) == "flaky-20260302T093015.000042Z"


def test_a_changed_file_is_another_version(tmp_path: Path) -> None:
    file, other = tmp_path / "model.py", tmp_path / "beta.py"
    file.write_text("a = 1")
    other.write_text("b = 1")
    before = code_version([str(file), str(other)])
    other.write_text("b = 2")
    assert code_version([str(file), str(other)]) != before


def test_a_changed_cell_is_other_data() -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    assert data_hash(frame) == data_hash(frame.clone())
    assert data_hash(frame) != data_hash(frame.reverse())


def test_a_run_is_a_row_of_its_table() -> None:
    run = model_run(
        "flaky", made_at=MADE, kind="score", files=[__file__], data=pl.DataFrame({"a": [1]}),
        parameters={"noise": 0.1}, metrics={"tests": 1},
    )  # fmt: skip
    assert run.schema == schema.MODEL_RUNS.schema
    row = run.row(0, named=True)
    assert (row["name"], row["kind"], row["rows"]) == ("flaky", "score", 1)
    assert json.loads(row["parameters"]) == {"noise": 0.1}
