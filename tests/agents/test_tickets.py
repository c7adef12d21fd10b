"""Tickets that tell of the same are found, those of one failure too; by the labelled ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from golive_agents.error_resolver import Resolver
from golive_agents.evidence import Evidence
from golive_agents.tickets import alike, duplicates
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.schema import ISSUES, conform
from models.duplicates import pairs

LABELLED = Path(__file__).parents[1] / "models" / "labelled_tickets.jsonl"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with the labelled tickets, one a day, and one of another project."""
    made = Lake(tmp_path_factory.mktemp("tickets") / "lake")
    told = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    told.append({**told[0], "key": "BANK-1"})
    rows = [
        {"issue_id": one["key"], "project_id": one["key"].partition("-")[0].lower(),
         "key": one["key"], "title": one["title"], "body": one["body"], "status": "todo",
         "url": f"https://tickets.example/{one['key']}", "source": "jira",
         "created_at": START + timedelta(days=nth)}
        for nth, one in enumerate(told)
    ]  # fmt: skip
    with made.transaction("tickets") as txn:
        txn.merge(ISSUES.name, conform(ISSUES, pl.DataFrame(rows)))
    return made


def test_a_later_ticket_is_shown_beside_the_one_that_it_repeats(lake: Lake) -> None:
    found = duplicates(Evidence(lake), "shop", key="SHOP-2")
    assert [(one.ticket.key, one.earlier.key) for one in found] == [("SHOP-2", "SHOP-1")]
    assert found[0].ticket.likeness == found[0].earlier.likeness > 0.3
    assert lake.query(found[0].earlier.cite.sql)["key"].to_list() == ["SHOP-1"]


def test_those_of_other_projects_and_of_before_are_left_out(lake: Lake) -> None:
    every = duplicates(Evidence(lake), "")
    assert any(one.ticket.key == "BANK-1" for one in every)
    own = duplicates(Evidence(lake), "shop")
    assert all(one.ticket.key != "BANK-1" for one in own)
    late = duplicates(Evidence(lake), "shop", since=START + timedelta(days=30))
    assert 0 < len(late) < len(own)
    assert all(one.ticket.created_at >= START + timedelta(days=30) for one in late)  # type: ignore[operator]


def test_an_unknown_key_is_wrong_use_and_an_empty_lake_has_none(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ticket 'SHOP-999'"):
        duplicates(Evidence(lake), "shop", key="SHOP-999")
    empty = Evidence(Lake(tmp_path / "lake"))
    assert duplicates(empty, "") == []
    assert alike(empty, "", ("Checkout hangs", ""), count=3) == ()


def test_a_log_is_explained_with_the_tickets_that_speak_of_it(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("ERROR: exec format error, image for amd64 on an arm64 host\n")
    found = Resolver(lake, project="shop").file(log)
    assert {one.key for one in found.tickets[:2]} == {"SHOP-31", "SHOP-32"}
    assert found.document()["tickets"][0]["url"].startswith("https://tickets.example/SHOP-3")


def test_what_has_no_words_is_like_nothing() -> None:
    assert pairs([("", ""), ("12", ""), ("", "")]) == []
    assert pairs([]) == []
    (same,) = pairs([("Cart is empty", ""), ("", ""), ("Cart is empty", "")])
    assert (same.first, same.second, round(same.likeness, 6)) == (0, 2, 1.0)
