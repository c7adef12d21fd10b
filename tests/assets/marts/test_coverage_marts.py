"""marts.file_churn, test_sources, test_owners and coverage_map on a repository told by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from story import Story, at, case_id

from golive_core import schema


def change(
    story: Story, sha: str, author: str, day: float, *paths: str, kind: str = "modified",
    **cells: object,
) -> None:  # fmt: skip
    """Tell a commit that changes files, 10 lines each."""
    story.commit(
        sha, author, day=at(day).date(), committed_at=at(day),
        **({"files_changed": len(paths)} | cells),
    )  # fmt: skip
    for path in paths:
        story.add(
            "core.commit_files", repository_id="shop-git", sha=sha, path=path, day=at(day).date(),
            change_type=kind, insertions=7, deletions=3,
            is_binary=False,
        )  # fmt: skip


def test_of(story: Story, name: str, **cells: object) -> None:
    """Tell a test case by its file or class."""
    defaults = {"project_id": "shop", "suite": "s", "class_name": "K", "name": name}
    story.add("core.tests", test_id=case_id(name), **(defaults | cells))


test_of.__test__ = False


def measured(story: Story, component: str, value: float, day: float, total: float = 100) -> None:
    story.add(
        "core.code_measures", instance="cov", component=component, metric="line_coverage",
        at=at(day), day=at(day).date(), project_id="shop", source="reports", kind="file",
        value=value, total=total,
    )  # fmt: skip


def by(rows: list[dict[str, Any]], column: str) -> dict[Any, dict[str, Any]]:
    return {row[column]: row for row in rows}


def test_churn_counts_a_year_and_names_who_did_most(story: Story) -> None:
    change(story, "c0", "Old", -500, "shop/cart.py")
    change(story, "c1", "Ada", -200, "shop/cart.py")
    change(story, "c2", "Ben", -5, "shop/cart.py", "shop/tax.py")
    change(story, "c3", "Ben", 0, "shop/cart.py")
    row = by(story.mart("file_churn"), "path")["shop/cart.py"]
    assert (row["commits"], row["commits_90d"], row["authors"]) == (3, 2, 2)
    assert (row["lines_changed"], row["lines_changed_90d"]) == (30, 20)
    assert (row["main_author"], row["main_author_share"]) == ("Ben", pytest.approx(2 / 3))


def test_reformatting_merges_and_deleted_files_say_nothing(story: Story) -> None:
    change(story, "c1", "Ada", 0, "shop/cart.py")
    change(story, "c2", "Bot", 1, "shop/cart.py", files_changed=900)
    change(story, "c3", "Bot", 2, "shop/cart.py", is_merge=True)
    change(story, "c4", "Ada", 3, "shop/gone.py", kind="deleted")
    rows = by(story.mart("file_churn"), "path")
    assert set(rows) == {"shop/cart.py"}
    assert rows["shop/cart.py"]["commits"] == 1


def test_a_test_stands_next_to_its_own_file_and_to_what_bears_its_name(story: Story) -> None:
    change(
        story, "c1", "Ada", 0, "src/shop/basket.py", "tests/test_basket.py", "src/shop/other.py",
        "web/src/Basket.java",
    )  # fmt: skip
    test_of(story, "a", file="tests/test_basket.py")
    test_of(story, "b", class_name="shop.BasketTest")
    test_of(story, "c", file="tests/test_nothing_like_it.py")
    rows = story.mart("test_sources")
    own = {(row["test_id"], row["path"]) for row in rows if row["is_own"]}
    near = {(row["test_id"], row["path"]) for row in rows if not row["is_own"]}
    assert own == {(case_id("a"), "tests/test_basket.py")}
    assert {path for test, path in near if test == case_id("a")} == {
        "src/shop/basket.py", "web/src/Basket.java",
    }  # fmt: skip
    assert (case_id("b"), "web/src/Basket.java") in near
    assert case_id("c") not in {row["test_id"] for row in rows}


def test_who_changed_the_tests_own_file_is_asked_first(story: Story) -> None:
    for nth in range(3):
        change(story, f"s{nth}", "Ben", nth, "shop/basket.py")
    change(story, "t", "Ada", 4, "tests/test_basket.py")
    test_of(story, "own", file="tests/test_basket.py")
    test_of(story, "near", class_name="shop.BasketTest")
    rows = by(story.mart("test_owners"), "test_id")
    assert rows[case_id("own")]["owner_name"] == "Ada"
    assert rows[case_id("own")]["based_on"] == "tests/test_basket.py"
    assert rows[case_id("near")]["owner_name"] == "Ben"


def test_the_map_puts_coverage_change_and_flakes_of_a_file_together(story: Story) -> None:
    for nth in range(4):
        change(story, f"c{nth}", "Ada", nth, "src/shop/basket.py")
    change(story, "d", "Ada", 4, "src/shop/calm.py")
    test_of(story, "a", file="tests/test_basket.py")
    measured(story, "shop/basket.py", 0.9, 0)
    measured(story, "shop/basket.py", 0.5, 3)
    measured(story, "src/shop/calm.py", 0.2, 3)
    measured(story, "src/shop/untouched.py", 0.1, 3)
    story.told()
    verdict = {"project_id": "shop", "test_id": case_id("a"), "verdict": "flaky", "flakes": 6}
    spec = schema.find("predictions.flaky")
    story.lake.overwrite(spec.name, schema.conform(spec, pl.DataFrame([verdict])))
    rows = by(story.mart("coverage_map"), "component")
    basket = rows["shop/basket.py"]
    assert (basket["repository_path"], basket["line_coverage"]) == ("src/shop/basket.py", 0.5)
    assert (basket["commits"], basket["flaky_tests"], basket["flakes"]) == (4, 1, 6)
    assert basket["risk"] == pytest.approx(0.5 * 4 * 2)
    assert rows["src/shop/calm.py"]["risk"] == pytest.approx(0.8)
    assert rows["src/shop/untouched.py"]["commits"] == 0
