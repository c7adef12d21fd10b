"""marts.test_failures: which test failed in which build, and whether a retry saved it."""

from __future__ import annotations

from story import Story, case_id


def test_only_failures_have_rows_and_a_retry_is_noted(story: Story) -> None:
    story.build(1, "passed", day=1, tests={"a": "failed:late failed:late passed", "b": "passed"})
    story.build(2, "failed", day=2, tests={"a": "passed", "b": "failed:odd failed:odd"})
    rows = {row["build_id"]: row for row in story.mart("test_failures")}
    assert len(rows) == 2
    saved, lost = rows["ci:main#1"], rows["ci:main#2"]
    assert (saved["test_id"], saved["failures"], saved["has_passed"]) == (case_id("a"), 2, True)
    assert (lost["test_id"], lost["failures"], lost["has_passed"]) == (case_id("b"), 2, False)
    assert saved["failure_id"] is not None
    assert saved["is_outage"] is False
