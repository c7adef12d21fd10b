"""The frame of evaluations: finding protocols, reading files, measures, the plot."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive_core.errors import UsageError
from models import evaluate, protocols, reliability_plot
from models.evaluate import Protocol, Score, brier, calibration_error, reliability
from tests.models.labelled import labelled

OWN = """
from models.evaluate import Outcome, Protocol, Score
PROTOCOL = Protocol("guess", "a guess", ("x",), lambda rows, tell: Outcome([Score("p", "m", 1.0)]))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_guess.py").write_text(OWN)
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path)])
    evaluate.protocols.cache_clear()
    yield
    evaluate.protocols.cache_clear()


@pytest.mark.usefixtures("own")
def test_a_protocol_is_added_by_adding_a_file() -> None:
    outcome = evaluate.find("guess").run(pl.DataFrame({"x": [1]}), lambda _: None)
    assert outcome.scores[0].value == 1.0
    assert "flakeflagger" in evaluate.protocols()


def test_an_unknown_protocol_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no evaluation is called guess") as caught:
        evaluate.find("guess")
    assert "flakeflagger" in caught.value.hint


@pytest.fixture
def protocol() -> Protocol:
    return evaluate.find("flakeflagger")


def test_parquet_and_csv_are_read(protocol: Protocol, tmp_path: Path) -> None:
    rows = labelled(1, 20)
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.write_csv(tmp_path / "rows.csv")
    assert evaluate.read(tmp_path / "rows.parquet", protocol).equals(rows)
    assert evaluate.read(tmp_path / "rows.csv", protocol).equals(rows)


def test_missing_columns_are_named(protocol: Protocol, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    labelled(1, 20).drop("is_flaky", "ExecutionTime").write_parquet(path)
    with pytest.raises(UsageError, match="lacks the columns is_flaky, ExecutionTime"):
        evaluate.read(path, protocol)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", b"\x00\xff"])
def test_what_is_no_table_is_told(protocol: Protocol, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read") as caught:
        evaluate.read(path, protocol)
    assert "test_name" in caught.value.hint


def test_a_missing_file_and_an_empty_table_are_told(protocol: Protocol, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        evaluate.read(tmp_path / "none.parquet", protocol)
    labelled(1, 20).clear().write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(UsageError, match="has no rows"):
        evaluate.read(tmp_path / "empty.parquet", protocol)


def test_a_goal_is_met_from_the_right_side() -> None:
    assert Score("p", "AUC", 0.8, goal=0.8).is_met
    assert not Score("p", "AUC", 0.79, goal=0.8).is_met
    assert Score("p", "ECE", 0.04, goal=0.05, is_low_good=True).is_met
    assert Score("p", "AUC", 0.8).is_met is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_brier_is_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    from sklearn.metrics import brier_score_loss

    truth, told = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assert brier(truth, told) == pytest.approx(brier_score_loss(truth, told, labels=[0, 1]))


def test_calibration_error_of_known_cases() -> None:
    told = np.array([0.05] * 20 + [0.95] * 20)
    truth = np.array([1.0] + [0.0] * 19 + [1.0] * 19 + [0.0])
    assert calibration_error(truth, told) == pytest.approx(0)
    assert calibration_error(1 - truth, told) == pytest.approx(0.9)
    assert calibration_error(np.array([0.0]), np.array([1.0])) == 1, "1 lies in the last bin"


def test_reliability_counts_each_row_once() -> None:
    dice = np.random.default_rng(1)
    told = dice.random(5000)
    table = reliability((dice.random(5000) < told).astype(float), told)
    assert table["rows"].sum() == 5000
    assert np.abs((table["said"] - table["seen"]).to_numpy()).max() < 0.1


def test_the_plot_is_one_file_that_stands_alone(tmp_path: Path) -> None:
    told = np.array([0.1, 0.15, 0.9])
    path = reliability_plot.write({"<one>": (np.array([0.0, 0, 1]), told)}, tmp_path / "plot.svg")
    root = ET.parse(path).getroot()
    dots = [one for one in root.iter() if one.get("class") == "dot"]
    assert len(dots) == 2, "one dot a bin that has rows"
    assert "<one>" in "".join(root.itertext())
    assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", "")


def test_a_plot_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        reliability_plot.write({}, tmp_path / "no" / "plot.svg")


# ---------------------------------------------------------------- log templates

LINES = pl.DataFrame({
    "system": ["a"] * 4,
    "content": ["took 1 ms", "took 2 ms", "disk is full", "disk is slow"],
    "event_id": ["E1", "E1", "E2", "E2"],
})  # fmt: skip


def test_log_templates_are_measured_by_system_and_over_all() -> None:
    both = pl.concat([LINES, LINES.with_columns(system=pl.lit("b"), event_id=pl.col("content"))])
    outcome = evaluate.find("log_templates").run(both, lambda _: None)
    rows = {row["system"]: row for row in outcome.tables["by system"].to_dicts()}
    assert list(rows) == ["a", "b", "all"]
    assert (rows["a"]["at_once"], rows["b"]["at_once"], rows["all"]["at_once"]) == (0.5, 0.5, 0.5)
    assert (rows["a"]["lines"], rows["all"]["lines"], rows["all"]["templates"]) == (4, 8, 6)
    assert outcome.scores[0].value == 0.5


def test_log_templates_keep_their_floors_on_loghub(shared: Callable[[str], Path]) -> None:
    path = shared("data/loghub_2k/loghub_2k.parquet")
    rows = pl.read_parquet(path).filter(pl.col("system").is_in(["OpenSSH", "Linux"]))
    outcome = evaluate.find("log_templates").run(rows, lambda _: None)
    every = outcome.tables["by system"].filter(system="all").row(0, named=True)
    assert every["in_parts"] > 0.99
    assert every["moved"] < 0.02
    assert every["unlike"] < 0.001
    assert every["masked"] < every["in_parts"]


def test_seeds_are_numbers_with_commas() -> None:
    rows = evaluate.seeded("3, 5")
    assert rows is not None
    assert rows["seed"].to_list() == [3, 5]
    assert evaluate.seeded("rows.csv") is None


def test_protocols_of_another_package_are_found_where_it_is_named() -> None:
    assert "simulator" in evaluate.protocols((*evaluate.HERE, "assets.protocols"))
    assert "simulator" not in evaluate.protocols()
