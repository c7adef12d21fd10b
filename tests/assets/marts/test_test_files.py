"""marts.test_files: the newest measurement of each test."""

from __future__ import annotations

import pytest
from story import Story, at


def ran(story: Story, test: int, path: str, day: float, lines: str = "1-3") -> None:
    story.add(
        "core.test_coverage", project_id="shop", test_id=test, path=path, measured_at=at(day),
        day=at(day).date(), lines=lines, lines_covered=3, commit_sha=f"c{day}",
    )  # fmt: skip


def test_the_newest_measurement_of_each_test_counts(story: Story) -> None:
    ran(story, 1, "cart.py", 0)
    ran(story, 1, "gone.py", 0)
    ran(story, 1, "cart.py", 1, "2-4")
    ran(story, 2, "cart.py", 0)
    ran(story, 2, "tax.py", 0)
    rows = {(row["test_id"], row["path"]): row for row in story.mart("test_files")}
    assert set(rows) == {(1, "cart.py"), (2, "cart.py"), (2, "tax.py")}
    assert rows[1, "cart.py"]["lines"] == "2-4"
    assert rows[1, "cart.py"]["commit_sha"] == "c1"
    assert [rows[2, path]["tests_of_file"] for path in ("cart.py", "tax.py")] == [2, 1]
    assert rows[2, "tax.py"]["share_of_tests"] == pytest.approx(0.5)
