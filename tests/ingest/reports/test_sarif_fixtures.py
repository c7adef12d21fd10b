"""Every SARIF file of two collections, against an independent count by the json module."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from golive_core.errors import ReportError

Shared = Callable[[str], Path]
Read = Callable[..., tuple[str | None, list[Any]]]
ROOT = "fixtures/sarif"
SAMPLES = f"{ROOT}/sarif-tutorials/samples"
NO_FINDING = ("pass", "notApplicable")


def files(shared: Shared) -> list[Path]:
    return sorted(path for path in shared(ROOT).rglob("*.sarif"))


def results(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return tool and result of everything that is a finding."""
    return [
        (run["tool"]["driver"]["name"], one)
        for run in document.get("runs") or ()
        for one in run.get("results") or ()
        if one.get("kind") not in NO_FINDING
    ]


def test_every_file_of_version_2_1_gives_what_json_counts(shared: Shared, read: Read) -> None:
    checked = findings = 0
    for path in files(shared):
        document = json.loads(path.read_text("utf-8-sig"))
        if document["version"].startswith("2.1"):
            found, rows = read(path.read_bytes(), path.name)
            expected = results(document)
            assert found == "sarif"
            assert [one.tool for one in rows] == [tool for tool, _ in expected], path
            lines = [
                one.get("locations", [{}])[0].get("physicalLocation", {}).get("region", {})
                for _, one in expected
            ]
            assert [one.line for one in rows] == [one.get("startLine") for one in lines], path
            checked, findings = checked + 1, findings + len(rows)
    assert (checked, findings) == (41, 66)


def test_every_other_file_is_refused_for_its_version(shared: Shared, read: Read) -> None:
    others = [
        path for path in files(shared)
        if not json.loads(path.read_text("utf-8-sig"))["version"].startswith("2.1")
    ]  # fmt: skip
    for path in others:
        with pytest.raises(ReportError, match=r"SARIF 1\.0\.0: only 2\.1 is read") as caught:
            read(path.read_bytes(), path.name)
        assert (caught.value.line, caught.value.path) == (1, path.name)
    assert len(others) + 41 == len(files(shared)) == 180


def sample(shared: Shared, read: Read, name: str) -> list[Any]:
    return read(shared(f"{SAMPLES}/{name}").read_bytes(), name)[1]


def test_a_message_is_put_together_from_the_rule(shared: Shared, read: Read) -> None:
    (one,) = sample(shared, read, "3-Beyond-basics/message-with-arguments.sarif")
    assert one.message == "Variable 'x' was used without being initialized."
    assert (one.tool, one.rule_id) == ("CodeScanner", "CS0001")


def test_a_finding_is_ignored_if_all_its_suppressions_were_accepted(
    shared: Shared, read: Read
) -> None:
    rows = sample(shared, read, "Suppressions.sarif")
    ignored = [nth for nth, one in enumerate(rows) if one.status == "ignored"]
    assert ignored == [1, 2, 4]


def test_the_level_of_a_rule_holds_where_the_result_has_none(shared: Shared, read: Read) -> None:
    rows = sample(shared, read, "DefaultRuleConfiguration.sarif")
    assert [one.original_severity for one in rows] == ["error", "warning"]
    assert [one.severity for one in rows] == ["high", "medium"]
    assert rows[0].path == "C:/code/myProject/io/kb.c"


def test_a_path_stands_below_its_base(shared: Shared, read: Read) -> None:
    rows = sample(shared, read, "OriginalUriBaseIds.sarif")
    assert all(one.path and ":" not in one.path for one in rows)


def test_a_baseline_tells_what_is_gone(shared: Shared, read: Read) -> None:
    document = json.loads(shared(f"{SAMPLES}/Baseline.sarif").read_text())
    expected = ["resolved" if one["baselineState"] == "absent" else "open"
                for _, one in results(document)]  # fmt: skip
    assert [one.status for one in sample(shared, read, "Baseline.sarif")] == expected


@pytest.mark.parametrize(
    ("score", "severity"),
    [("9.8", "critical"), ("7.0", "high"), ("5", "medium"), ("0.1", "low"), ("0.0", "info")],
)
def test_a_security_score_makes_the_severity(score: str, severity: str, read: Read) -> None:
    rule = {"id": "x", "properties": {"security-severity": score, "tags": ["security"]}}
    report = {
        "version": "2.1.0",
        "runs": [{"results": [{"ruleId": "x/y", "level": "note", "message": {"text": "m"}}],
                  "tool": {"driver": {"name": "scan", "rules": [rule]}}}],
    }  # fmt: skip
    (one,) = read(json.dumps(report))[1]
    assert (one.severity, one.kind, one.original_severity) == (severity, "vulnerability", "note")
