"""From files to builds and attempts: what is new, where it belongs, and that nothing is doubled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import polars as pl
import pytest
from pydantic import ValidationError

from golive_core.errors import SourceError
from golive_core.window import Window
from ingest import file_source, intake
from ingest.files import USUAL_PLACES
from ingest.sources.junit import JunitSource

Load = Callable[..., Any]
T0 = datetime(2024, 5, 1, 10, tzinfo=UTC)


def write(
    path: Path, *cases: str, at: datetime | None = T0, suite: str = "s", root: str = "testsuite"
) -> Path:
    """Write a report of cases like `name` or `name!` (failed), and set its time."""
    stamp = f' timestamp="{at.isoformat()}"' if at else ""
    inner = "".join(
        f'<testcase name="{case.rstrip("!")}" time="1">{"<failure/>" * case.count("!")}</testcase>'
        for case in cases
    )
    body = f'<testsuite name="{suite}" time="{len(cases)}"{stamp}>{inner}</testsuite>'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<testsuites>{body}</testsuites>" if root == "testsuites" else body)
    when = (at or T0).timestamp() + len(cases)
    os.utime(path, (when, when))
    return path


def builds(loaded: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((row["build_id"], row["status"]) for row in loaded["builds"])


def test_files_of_one_folder_are_one_run(load: Load, tmp_path: Path) -> None:
    write(tmp_path / "target" / "TEST-a.xml", "a", suite="A")
    write(tmp_path / "target" / "TEST-b.xml", "b!", suite="B", at=T0 + timedelta(minutes=1))
    loaded = load()
    assert loaded.pull() == 2
    assert builds(loaded) == [(f"reports:target#{int(T0.timestamp())}", "failed")]
    row = loaded["builds"][0]
    assert (row["queued_at"], row["duration_s"]) == (T0, 61.0)
    assert [row["name"] for row in loaded["pipelines"]] == ["target"]


def test_a_file_with_the_root_testsuites_is_a_run_of_its_own(load: Load, tmp_path: Path) -> None:
    write(tmp_path / "r" / "unit.xml", "a", root="testsuites")
    write(tmp_path / "r" / "web.xml", "a!", root="testsuites")
    loaded = load()
    loaded.pull()
    number = int(T0.timestamp())
    assert builds(loaded) == [
        (f"reports:r#{number}", "passed"),
        (f"reports:r#{number}@2", "failed"),
    ]
    assert [row["attempt"] for row in loaded["builds"]] == [1, 2]


def test_a_second_pull_over_unchanged_files_only_asks_for_their_stat(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "r" / "TEST-a.xml", "a")
    loaded = load()
    assert loaded.source.has_news("reports", None)
    loaded.pull()
    monkeypatch.setattr(intake.Intake, "take", None)
    assert not loaded.source.has_news("reports", loaded.cursor)
    assert list(loaded.source.pull("reports", cursor=loaded.cursor, window=None)) == []


def test_a_report_that_is_written_again_is_the_next_run(load: Load, tmp_path: Path) -> None:
    loaded = load()
    path = tmp_path / "r" / "TEST-a.xml"
    for minutes in (0, 5):
        write(path, "a!" if not minutes else "a", at=T0 + timedelta(minutes=minutes))
        loaded.pull()
    assert [status for _, status in builds(loaded)] == ["failed", "passed"]
    assert [attempt for _, attempt, _ in loaded.attempts("a")] == [1, 1]


def test_a_report_that_comes_late_joins_its_run(load: Load, tmp_path: Path) -> None:
    loaded = load()
    write(tmp_path / "r" / "TEST-a.xml", "a")
    loaded.pull()
    write(tmp_path / "r" / "TEST-b.xml", "b!", at=T0 + timedelta(minutes=3), suite="B")
    loaded.pull()
    assert [status for _, status in builds(loaded)] == ["failed"]
    assert loaded["builds"][0]["duration_s"] == 181.0


def test_a_report_hours_later_is_another_run(load: Load, tmp_path: Path) -> None:
    write(tmp_path / "r" / "TEST-a.xml", "a")
    write(tmp_path / "r" / "TEST-b.xml", "b", at=T0 + timedelta(hours=5))
    loaded = load()
    loaded.pull()
    assert len(builds(loaded)) == 2


def test_attempts_go_on_across_the_reports_of_a_build(load: Load, tmp_path: Path) -> None:
    write(tmp_path / "r" / "TEST-a.xml", "t!", "t!")
    write(tmp_path / "r" / "TEST-b-retry.xml", "t!", at=T0 + timedelta(minutes=1))
    loaded = load()
    loaded.pull()
    write(tmp_path / "r" / "TEST-c-retry.xml", "t", at=T0 + timedelta(minutes=2))
    loaded.pull()
    found = [(attempt, status) for _, attempt, status in loaded.attempts("t")]
    assert found == [(1, "failed"), (2, "failed"), (3, "failed"), (4, "passed")]


def test_attempts_go_on_where_a_large_build_is_cut_into_units(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.units.UNIT_BYTES", 300)
    for nth in range(6):
        at = T0 + timedelta(seconds=nth)
        write(tmp_path / "r" / f"TEST-{nth}.xml", f"t{nth % 3}", suite=f"S{nth % 3}", at=at)
    loaded = load()
    raw: list[pl.DataFrame] = []
    loaded.conform = raw.append
    loaded.pull()
    units = list(loaded.source.plan(raw[0]))
    assert [sorted(unit.payloads["uri"].str.slice(7)) for unit in units] == [
        ["0.xml", "3.xml"], ["1.xml", "4.xml"], ["2.xml", "5.xml"],
    ]  # fmt: skip
    type(loaded).conform(loaded, raw[0])
    assert [attempt for _, attempt, _ in loaded.attempts("t1")] == [1, 2]
    assert len(builds(loaded)) == 1


def test_batches_of_a_pull_number_attempts_on(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_source, "BATCH_FILES", 1)
    for nth in range(3):
        write(tmp_path / "r" / f"TEST-{nth}.xml", "t", at=T0 + timedelta(seconds=nth))
    loaded = load()
    loaded.pull()
    assert loaded.sequence == 3
    assert [attempt for _, attempt, _ in loaded.attempts("t")] == [1, 2, 3]


def test_the_same_content_elsewhere_counts_once(load: Load, tmp_path: Path) -> None:
    write(tmp_path / "a" / "r.xml", "t")
    write(tmp_path / "b" / "r.xml", "t")
    loaded = load()
    assert loaded.pull() == 1
    write(tmp_path / "c" / "r.xml", "t")
    assert loaded.pull() == 0
    assert not loaded.source.has_news("reports", loaded.cursor)


def test_the_same_content_in_two_given_builds_counts_twice(load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "r.xml", "t")
    first, second = load(str(path), build="1"), load(str(path), build="2")
    first.pull()
    second.pull()
    assert first.raw.keys().isdisjoint(second.raw)
    assert builds(first) == [("reports:reports#1", "passed")]


def test_a_build_of_another_source_gets_results_but_no_row(load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "r.xml", "t")
    loaded = load(str(path), build="ci:shop/main#7", commit="c" * 40, branch="main")
    loaded.pull()
    row = loaded["test_results"][0]
    assert (row["build_id"], row["commit_sha"], row["branch"]) == (
        "ci:shop/main#7",
        "c" * 40,
        "main",
    )
    assert loaded["builds"] == []


def test_a_pull_that_forgets_the_cursor_puts_reports_where_they_were(
    load: Load, tmp_path: Path
) -> None:
    loaded = load()
    write(tmp_path / "r" / "TEST-b.xml", "b", at=None)
    loaded.pull()
    write(tmp_path / "r" / "TEST-a.xml", "a", at=T0 - timedelta(minutes=2))
    loaded.pull()
    before = loaded.rows["core.test_results"].keys()
    os.utime(tmp_path / "r" / "TEST-b.xml", (T0.timestamp() + 9e6, T0.timestamp() + 9e6))
    assert loaded.pull(forget=True) == 0
    assert loaded.rows["core.test_results"].keys() == before
    assert len(builds(loaded)) == 1


def test_a_window_asks_for_files_by_their_time_and_leaves_the_cursor(
    load: Load, tmp_path: Path
) -> None:
    for day in range(3):
        write(tmp_path / f"{day}.xml", f"t{day}", at=T0 + timedelta(days=day))
    loaded = load()
    window = Window(T0 + timedelta(days=1), T0 + timedelta(days=2))
    loaded.pull(window=window, keep_cursor=False)
    assert list(loaded.raw.values()) == ["1.xml"]
    assert loaded.pull() == 2


def test_a_torn_report_is_rejected_and_read_once_it_is_whole(load: Load, tmp_path: Path) -> None:
    good = write(tmp_path / "r" / "good.xml", "a")
    torn = write(tmp_path / "r" / "torn.xml", "b", suite="B")
    whole = torn.read_text()
    torn.write_text(whole[:-20])
    loaded = load()
    loaded.pull()
    assert [(one.uri, one.line) for one in loaded.rejects] == [("r/torn.xml", 1)]
    assert "truncated at line 1" in loaded.rejects[0].reason
    assert loaded.rejects[0].content.startswith("<testsuite")
    torn.write_text(whole)
    loaded.pull()
    assert len(loaded.rejects) == 1
    assert {row["name"] for row in loaded["tests"]} == {"a", "b"}
    assert good.exists()


def test_other_xml_in_the_usual_places_is_left_alone(load: Load, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "pom.xml").write_text("<project><name/></project>")
    (tmp_path / "reports" / "checkstyle.xml").write_text('<checkstyle version="8"/>')
    (tmp_path / "reports" / "login.xml").write_text("<html><body/></html>")
    write(tmp_path / "node_modules" / "reports" / "dep.xml", "t")
    loaded = load(*USUAL_PLACES)
    loaded.pull()
    assert [one.uri for one in loaded.rejects] == ["reports/login.xml"]
    assert loaded["test_results"] == []
    assert not loaded.source.has_news("reports", loaded.cursor)


def test_a_file_that_was_named_must_be_a_report(load: Load, tmp_path: Path) -> None:
    (tmp_path / "pom.xml").write_text("<project/>")
    loaded = load("pom.xml")
    loaded.pull()
    assert "the root element is <project>" in loaded.rejects[0].reason


def test_a_file_that_was_named_must_exist_and_the_others_are_read(
    load: Load, tmp_path: Path
) -> None:
    write(tmp_path / "a.xml", "t")
    loaded = load("a.xml", "gone.xml")
    with pytest.raises(SourceError, match=r"reports: no such file: .*gone\.xml"):
        loaded.pull()
    assert len(loaded["test_results"]) == 1
    assert [one.state for one in loaded.source.check()] == ["ok", "failed"]


def test_a_file_that_may_not_be_read_is_rejected_with_the_reason(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.xml", "t").chmod(0)
    if os.geteuid() == 0:  # who may read everything
        refusal = PermissionError(13, "Permission denied")
        monkeypatch.setattr(intake.Intake, "_file", Mock(side_effect=refusal))
    loaded = load()
    loaded.pull()
    assert loaded.rejects[0].reason == "it cannot be read: permission denied"


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_pull(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.xml", "t")
    name = intake.Intake.name

    def growing(self: intake.Intake, found: Path) -> str:
        path.write_text(path.read_text() + " ")
        return name(self, found)

    monkeypatch.setattr(intake.Intake, "name", growing)
    loaded = load()
    assert loaded.pull() == 0
    monkeypatch.undo()
    assert loaded.pull() == 1


def test_nothing_found_is_a_warning_with_the_next_step(load: Load) -> None:
    loaded = load("**/*.none")
    assert loaded.pull() == 0
    finding = next(iter(loaded.source.check()))
    assert (finding.state, finding.detail) == ("warning", "0 found")


def test_many_files_cost_a_bounded_cursor(load: Load, tmp_path: Path) -> None:
    for nth in range(600):
        write(tmp_path / f"{nth // 50}" / f"{nth}.xml", f"t{nth}", suite=f"S{nth}")
    loaded = load()
    loaded.pull()
    assert len(loaded.cursor["recent"]) <= 256
    write(tmp_path / "0" / "new.xml", "new", suite="N")
    loaded.files = 0
    assert loaded.pull() == 1
    assert loaded.files == 1
    assert len(loaded.cursor["recent"]) == 1


def test_a_lost_state_costs_time_but_no_rows(load: Load, tmp_path: Path, home: Path) -> None:
    for nth in range(300):
        write(tmp_path / f"{nth}.xml", f"t{nth}", at=T0 + timedelta(hours=nth))
    loaded = load()
    loaded.pull()
    rows = dict(loaded.rows["core.test_results"])
    for path in (home / "junit").rglob("*.*"):
        path.unlink()
    assert loaded.pull() == 0
    assert loaded.rows["core.test_results"] == rows


@pytest.mark.parametrize("options", [{"timezone": "Mars/Base"}, {"pathes": "x"}])
def test_an_option_that_is_wrong_is_named(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        JunitSource.Options.model_validate(options)
