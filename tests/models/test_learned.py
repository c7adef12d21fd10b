"""Every learned model keeps the contract; outcomes are no features."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import UsageError
from models.learned import LearnedModel, find, learned_models, matrix

ANY = LearnedModel(
    name="any", title="whether it rains", table="marts.days", key=("day",),
    features={"x": "a number"}, label="rained", fit=lambda rows, _: rows,
    predict=lambda _, rows: rows["x"].to_numpy(),
    heuristic=lambda _, rows: rows["x"].to_numpy(), heuristic_name="x", files=(__file__,),
)  # fmt: skip


@pytest.mark.parametrize("name", ["rained", "known_at", "status", "finished_at", "duration_s"])
def test_what_came_of_a_case_is_no_feature(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} tell what came of it"):
        replace(ANY, features={"x": "a number", name: "a secret"})


def test_each_column_is_read_once_and_missing_values_stay_missing() -> None:
    assert ANY.columns() == ["project_id", "day", "at", "known_at", "rained", "x"]
    cells = matrix(pl.DataFrame({"x": [True, None, False]}), ANY.features)
    assert cells[:, 0].tolist()[0] == 1
    assert str(cells[1, 0]) == "nan"


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no learned model is called 'weather'\. There are: "):
        find("weather")


def test_every_learned_model_keeps_the_contract() -> None:
    for name, model in learned_models().items():
        assert Path(model.files[0]).stem == name == model.name
        assert all(Path(file).is_file() for file in model.files)
        assert all(model.features.values())
        assert model.limits


def test_finding_them_imports_nothing_heavy() -> None:
    script = (
        "import sys; from models.learned import learned_models; learned_models(); "
        "print([name for name in ('sklearn', 'scipy', 'skops') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
