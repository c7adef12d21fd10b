"""`golive evaluate`: a table for people, JSON for machines, and help for wrong use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

LINES = pl.DataFrame({
    "system": ["a"] * 3, "content": ["took 1 ms", "took 2 ms", "done"], "event_id": ["1", "1", "2"],
})  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_it_measures_labelled_rows_of_a_file(
    golive: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"lines.{kind}"
    {"parquet": LINES.write_parquet, "csv": LINES.write_csv, "jsonl": LINES.write_ndjson}[kind](
        path
    )
    done = golive("evaluate", "log_templates", str(path), "--json")
    assert done.code == 0, done.err
    system, every = done.json
    assert (system["system"], system["lines"], system["at_once"]) == ("a", 3, 1.0)
    assert every["system"] == "all"


def test_without_a_name_it_lists_what_there_is(golive: Callable[..., Any]) -> None:
    done = golive("evaluate", "--json")
    assert {one["name"] for one in done.json} >= {"log_templates"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nothing", "x.csv"), "There are: log_templates"),
        (("log_templates",), "golive evaluate log_templates FILE"),
        (("log_templates", "x.txt"), "is of no kind that is read"),
        (("log_templates", "missing.csv"), "cannot be read"),
    ],
)
def test_wrong_use_is_told(golive: Callable[..., Any], args: tuple[str, ...], said: str) -> None:
    done = golive("evaluate", *args)
    assert (done.code, said in done.err) == (2, True), done.err
