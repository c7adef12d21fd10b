"""The quarantine file: merged with people's edits, in fixed order, never lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from golive_cli import quarantine
from golive_core.errors import UsageError

TODAY = date(2026, 3, 2)
LATER = date(2026, 3, 9)


def made(name: str, flakes: int = 7, day: date = TODAY) -> dict[str, Any]:
    """Return the entry of a test of class cart, as the command makes it."""
    row = {
        "project_id": "shop", "suite": None, "class_name": "cart", "name": name,
        "parameters": None, "file": "tests/cart.py", "owner": "@cart", "flakes": flakes,
        "trials": 212, "rate": 0.033, "rate_low": 0.015, "rate_high": 0.056, "probability": 0.99,
    }  # fmt: skip
    return quarantine.entry(row, [{"build": "ci#7", "commit": "c0ffee"}], day, 14)


def state(**why: str) -> dict[tuple[str, ...], str]:
    return {("shop", "", "cart", name, ""): text for name, text in why.items()}


def test_a_new_entry_says_who_why_and_until_when() -> None:
    found = made("test_pay")
    assert (found["owner"], found["expires"]) == ("@cart", date(2026, 3, 16))
    assert found["reason"].startswith("Failed 7 of 212 judged attempts")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_order_of_entries_does_not_change_the_text_and_it_reads_back(
    form: str, tmp_path: Path
) -> None:
    entries = [made(name) for name in ("test_b", "test_a", "test_c")]
    texts = {
        quarantine.write(quarantine.merge([], order, {}, TODAY).entries, form)
        for order in (entries, entries[::-1])
    }
    (text,) = texts
    assert "&id" not in text
    (tmp_path / "file").write_text(text)
    again = quarantine.read(tmp_path / "file")
    assert [one["test"]["name"] for one in again] == ["test_a", "test_b", "test_c"]
    merged = quarantine.merge(again, entries, state(test_a="", test_b="", test_c=""), TODAY)
    assert (quarantine.write(merged.entries, form), merged.messages) == (text, [])


def test_what_people_wrote_stays_and_the_evidence_is_renewed() -> None:
    edits = {"owner": "@ada", "expires": date(2026, 5, 1), "ticket": "SHOP-1", "keep": True}
    old = made("test_pay") | edits | {"reason": "The clock of the runner."}
    (found,) = quarantine.merge([old], [made("test_pay", 9, LATER)], {}, LATER).entries
    assert {name: found[name] for name in edits} == edits
    assert found["reason"] == "The clock of the runner."
    assert (found["evidence"]["flakes"], found["since"]) == (9, TODAY)


def test_a_reason_that_nobody_edited_follows_the_evidence() -> None:
    (found,) = quarantine.merge([made("test_pay")], [made("test_pay", 9)], {}, TODAY).entries
    assert found["reason"].startswith("Failed 9 of")
    assert found["expires"] == made("test_pay")["expires"]


def test_an_expired_entry_leaves_with_a_message_even_if_it_flakes_or_is_kept() -> None:
    old = made("test_pay") | {"keep": True, "expires": LATER}
    merged = quarantine.merge([old], [made("test_pay", day=LATER)], state(test_pay=""), LATER)
    assert merged.entries == []
    assert "cart::test_pay leaves quarantine: expired on 2026-03-09" in merged.messages[0]


def test_a_healed_test_leaves_unless_kept_and_a_broken_one_leaves_always() -> None:
    old = [made("test_a"), made("test_b") | {"keep": True}, made("test_c") | {"keep": True}]
    why = state(test_a="healed: healthy", test_b="healed: healthy", test_c="broken since c1")
    merged = quarantine.merge(old, [], why, TODAY)
    assert [one["test"]["name"] for one in merged.entries] == ["test_b"]
    assert [text.partition(" leaves")[0] for text in merged.messages] == [
        "cart::test_a", "cart::test_c"
    ]  # fmt: skip


def test_entries_of_tests_that_were_not_judged_stay() -> None:
    old = made("test_by_hand")
    assert quarantine.merge([old], [made("test_a")], {}, TODAY).entries == [made("test_a"), old]


@pytest.mark.parametrize(
    "text", ["tests: 3", "[1]", "a: [", "tests: [{project: p}]", "other: []",
             "tests: [{project: p, test: {name: t}, expires: soon}]"],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused_not_replaced(text: str, tmp_path: Path) -> None:
    path = tmp_path / "golive-quarantine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="no quarantine file"):
        quarantine.read(path)


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert quarantine.read(tmp_path / "none.yaml") == []
