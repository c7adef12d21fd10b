"""`golive evaluate duplicates` on the labelled tickets: better than the words of titles."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from models.protocols.duplicates import COLUMNS, run

LABELLED = Path(__file__).with_name("labelled_tickets.jsonl")


def test_duplicates_are_told_from_others_on_the_half_that_was_held_out() -> None:
    rows = pl.read_ndjson(LABELLED)
    assert set(COLUMNS) == set(rows.columns)
    outcome = run(rows, lambda _: None)
    scores = {(one.protocol, one.measure): one for one in outcome.scores}
    held_out = scores["held out", "F1"]
    assert held_out.value >= 0.8 > held_out.rivals["words of titles"]
    assert scores["held out", "precision"].value >= 0.9
    assert scores["held out", "found in 3"].value == 1
    assert set(outcome.tables["wrong"]["what"]) <= {"missed", "false"}
