"""From files to rows: builds and attempts, measures, findings, artifacts; what is new."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from golive_core.artifacts import ArtifactStore
from ingest import registry
from ingest.intake import Intake

Load = Callable[..., Any]
Shared = Callable[[str], Path]
T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)
MS = int(T0.timestamp() * 1000)
COVERAGE = "fixtures/coverage/coverage-model/edu/hm/hafner/coverage/parser"


def allure(path: Path, status: str, second: int, name: str = "t") -> None:
    """Write an Allure result; its name says nothing of when it ran."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = MS + second * 1000
    path.write_text(json.dumps({
        "uuid": path.stem, "historyId": f"h-{name}", "fullName": f"x.{name}", "name": name,
        "status": status, "stage": "finished", "start": start, "stop": start + 500,
        "labels": [{"name": "suite", "value": "s"}],
    }))  # fmt: skip
    os.utime(path, (start / 1000 + 1, start / 1000 + 1))


def ctrf(path: Path, *tests: str, at: datetime = T0) -> None:
    """Write a CTRF report of tests like `name` or `name!` (failed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = int(at.timestamp() * 1000)
    path.write_text(json.dumps({"reportFormat": "CTRF", "results": {"tests": [
        {"name": test.rstrip("!"), "status": "failed" if "!" in test else "passed",
         "start": start, "duration": 1000}
        for test in tests
    ]}}))  # fmt: skip
    os.utime(path, (at.timestamp() + 5, at.timestamp() + 5))


def builds(loaded: Any) -> list[tuple[str, str]]:
    return sorted((row["build_id"], row["status"]) for row in loaded["builds"])


def test_an_allure_folder_is_one_run_whose_retries_are_ordered_by_time(
    load: Load, tmp_path: Path
) -> None:
    folder = tmp_path / "allure-results"
    for name, status, second in (("b", "failed", 0), ("c", "broken", 2), ("a", "passed", 4)):
        allure(folder / f"{name}-result.json", status, second)
    allure(folder / "d-result.json", "passed", 1, name="u")
    (folder / "e-container.json").write_text('{"uuid": "e", "children": [], "start": 1}')
    loaded = load()
    assert loaded.pull() == 4
    assert [(attempt, status) for _, attempt, status in loaded.attempts("t")] == [
        (1, "failed"), (2, "error"), (3, "passed"),
    ]  # fmt: skip
    assert [build for build, _, _ in loaded.attempts("u")] == [builds(loaded)[0][0]]
    (row,) = loaded["builds"]
    assert (row["source"], row["started_at"], row["duration_s"]) == ("reports", T0, 4.5)


def test_a_retry_that_comes_with_the_next_pull_is_the_next_attempt(
    load: Load, tmp_path: Path
) -> None:
    allure(tmp_path / "b-result.json", "failed", 0)
    loaded = load()
    loaded.pull()
    allure(tmp_path / "a-result.json", "passed", 60)
    loaded.pull()
    assert [(attempt, status) for _, attempt, status in loaded.attempts("t")] == [
        (1, "failed"), (2, "passed"),
    ]  # fmt: skip
    assert len(builds(loaded)) == 1


def test_a_report_of_a_whole_run_is_a_build_of_its_own(load: Load, tmp_path: Path) -> None:
    ctrf(tmp_path / "r" / "unit.json", "a")
    ctrf(tmp_path / "r" / "web.json", "a!")
    loaded = load()
    loaded.pull()
    number = int(T0.timestamp())
    assert builds(loaded) == [
        (f"quality:r#{number}", "passed"), (f"quality:r#{number}@2", "failed"),
    ]  # fmt: skip


def test_a_build_whose_tests_passed_in_the_end_has_passed(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    example = shared("fixtures/test-reports/ctrf/examples/with-retries.json")
    shutil.copy(example, tmp_path / "ctrf.json")
    loaded = load()
    loaded.pull()
    assert [status for _, status in builds(loaded)] == ["passed"]
    assert [status for _, _, status in loaded.attempts("flaky test")] == [
        "failed", "failed", "passed",
    ]  # fmt: skip


def test_reports_of_several_formats_in_a_given_build_count_on(load: Load, tmp_path: Path) -> None:
    ctrf(tmp_path / "a.json", "t!")
    loaded = load(build="ci:shop#7", commit="c" * 40, branch="main", environment="linux")
    loaded.pull()
    tap = tmp_path / "b.tap"
    tap.write_text("1..1\nok 1 - t\n")
    ctrf(tmp_path / "c.json", "t")
    loaded.pull()
    rows = loaded["test_results"]
    assert {(row["build_id"], row["environment"], row["branch"]) for row in rows} == {
        ("ci:shop#7", "linux", "main")
    }
    assert sorted((row["attempt"], row["status"]) for row in rows) == [
        (1, "failed"), (1, "passed"), (2, "passed"),
    ]  # fmt: skip
    assert loaded["builds"] == []


def test_coverage_becomes_measures_of_project_folders_and_files_but_no_build(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    path = tmp_path / "lcov.info"
    shutil.copy(shared(f"{COVERAGE}/lcov/report.lcov"), path)
    os.utime(path, (T0.timestamp(), T0.timestamp()))
    loaded = load(commit="c" * 40, branch="main")
    loaded.pull()
    rows = {(one["kind"], one["component"], one["metric"]): one for one in loaded["code_measures"]}
    assert {(kind, name) for kind, name, _ in rows} == {
        ("project", "shop"), ("folder", "src"), ("folder", "src/utils"), ("folder", "lib"),
        ("file", "src/main.ts"), ("file", "src/utils/helper.ts"), ("file", "lib/module.c"),
    }  # fmt: skip
    told = {key: (one["value"], one["total"]) for key, one in rows.items()}
    assert told["project", "shop", "line_coverage"] == (0.5, 6.0)
    assert told["project", "shop", "lines_covered"] == (3.0, 6.0)
    assert told["file", "src/main.ts", "branch_coverage"] == (0.5, 2.0)
    assert ("file", "lib/module.c", "branch_coverage") not in rows
    one = rows["project", "shop", "line_coverage"]
    assert (one["at"], one["day"], one["source"], one["branch"], one["commit_sha"]) == (
        T0, T0.date(), "reports", "main", "c" * 40,
    )  # fmt: skip
    assert (loaded["builds"], loaded["test_results"]) == ([], [])


def test_modules_of_a_project_are_measured_apart(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
        shutil.copy(shared(f"{COVERAGE}/jacoco/jacoco-merge-{name[0].replace('w', 'b')}.xml"),
                    tmp_path / name / "jacoco.xml")  # fmt: skip
    loaded = load()
    loaded.pull()
    measured = {one["component"]: one["value"] for one in loaded["code_measures"]
                if (one["kind"], one["metric"]) == ("project", "line_coverage")}  # fmt: skip
    assert measured == {"shop:api": pytest.approx(8 / 26), "shop:web": pytest.approx(8 / 26)}


def test_findings_keep_their_id_when_they_are_read_again(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    path = tmp_path / "scan.sarif"
    shutil.copy(shared("fixtures/sarif/sarif-tutorials/samples/Suppressions.sarif"), path)
    loaded = load()
    loaded.pull()
    first = {row["finding_id"]: row["status"] for row in loaded["code_findings"]}
    assert len(first) == 9
    assert all(one.startswith("quality:") for one in first)
    path.write_text(path.read_text() + "\n")
    assert loaded.pull() == 1
    assert {row["finding_id"]: row["status"] for row in loaded["code_findings"]} == first


def test_two_findings_that_look_alike_are_two(load: Load, tmp_path: Path) -> None:
    one = {"ruleId": "x", "message": {"text": "m"}}
    run = {"tool": {"driver": {"name": "scan"}}, "results": [one, one]}
    (tmp_path / "a.sarif").write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    loaded = load()
    loaded.pull()
    assert len(loaded["code_findings"]) == 2


def test_a_second_pull_over_unchanged_files_only_asks_for_their_stat(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctrf(tmp_path / "a.json", "t")
    (tmp_path / "package.json").write_text('{"name": "shop"}')
    loaded = load()
    assert loaded.source.has_news("reports", None)
    loaded.pull()
    monkeypatch.setattr(Intake, "take", None)
    assert not loaded.source.has_news("reports", loaded.cursor)
    assert list(loaded.source.pull("reports", cursor=loaded.cursor, window=None)) == []


def test_reports_in_archives_are_read_and_other_files_in_them_left(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    with zipfile.ZipFile(tmp_path / "ci.zip", "w") as archive:
        archive.write(shared(f"{COVERAGE}/nunit/nunit.xml"), "out/nunit.xml")
        archive.write(shared(f"{COVERAGE}/lcov/single.lcov"), "out/cov.lcov")
        archive.writestr("out/package.json", "{}")
        archive.writestr("out/page.html", "<html/>")
    with tarfile.open(tmp_path / "more.tar.gz", "w:gz") as archive:
        archive.add(shared(f"{COVERAGE}/xunit/xunit.xml"), "xunit.xml")
    loaded = load()
    loaded.pull()
    assert sorted(loaded.raw.values()) == [
        "ci.zip!out/cov.lcov", "ci.zip!out/nunit.xml", "more.tar.gz!xunit.xml",
    ]  # fmt: skip
    assert len(loaded["test_results"]) == 7
    assert len(loaded["code_measures"]) == 6
    assert loaded.rejects == []


def test_other_files_are_left_alone_unless_they_are_named(
    load: Load, tmp_path: Path, shared: Shared
) -> None:
    shutil.copy(shared(f"{COVERAGE}/pit/mutation.xml"), tmp_path / "mutation.xml")
    (tmp_path / "TEST-a.xml").write_text("<testsuite/>")
    (tmp_path / "none.json").write_text("")
    loaded = load()
    assert loaded.pull() == 0
    named = load("mutation.xml", "TEST-a.xml", "none.json")
    assert named.pull() == 3
    assert sorted((one.uri, one.reason) for one in named.rejects) == [
        ("TEST-a.xml", "it is JUnit XML, which sources of type junit read"),
        ("mutation.xml", "no report format has the root element <mutations>"),
        ("none.json", "the file is empty"),
    ]
    assert {one.content[:10] for one in named.rejects} == {"<testsuite", "<?xml vers", ""}


def test_a_torn_report_is_rejected_and_read_once_it_is_whole(load: Load, tmp_path: Path) -> None:
    ctrf(tmp_path / "good.json", "a")
    ctrf(tmp_path / "torn.json", "b")
    whole = (tmp_path / "torn.json").read_text()
    (tmp_path / "torn.json").write_text(whole[:-20])
    loaded = load()
    loaded.pull()
    assert [(one.uri, one.line, one.reason) for one in loaded.rejects] == [
        ("torn.json", 1, "truncated: the document breaks off")
    ]
    assert loaded.rejects[0].content == whole[:-20]
    (tmp_path / "torn.json").write_text(whole)
    loaded.pull()
    assert {row["name"] for row in loaded["tests"]} == {"a", "b"}
    assert len(loaded["builds"]) == 2


def test_artifacts_are_kept_by_the_hash_of_their_content(
    load: Load, tmp_path: Path, home: Path
) -> None:
    shots = tmp_path / "shots"
    shots.mkdir()
    (shots / "a.png").write_bytes(b"\x89PNG")
    (shots / "trace.zip").write_bytes(b"no archive at all")
    ctrf(tmp_path / "r.json", "t")
    loaded = load("*.json", artifacts=["shots"])
    frames = []
    loaded.conform = frames.append
    assert loaded.pull() == 3
    rows = {row["uri"]: row for frame in frames for row in frame.iter_rows(named=True)}
    assert {uri: row["media_type"] for uri, row in rows.items()} == {
        "shots/a.png": "image/png", "shots/trace.zip": "application/octet-stream",
        "r.json": "application/json",
    }  # fmt: skip
    one = rows["shots/a.png"]
    assert one["payload_id"] == one["artifact"]
    assert ArtifactStore(home).get(one["artifact"]) == b"\x89PNG"
    type(loaded).conform(loaded, frames[0])
    assert (loaded.rejects, len(loaded["test_results"])) == ([], 1)


def test_large_reports_become_rows_in_bounded_batches(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.parse.report_unit.CASES", 10)
    monkeypatch.setattr("ingest.parse.report_unit.LARGE_BYTES", 100)
    ctrf(tmp_path / "a.json", *(f"t{nth % 17}" for nth in range(40)))
    loaded = load()
    loaded.pull()
    rows = loaded["test_results"]
    assert len(rows) == 40
    assert max(row["attempt"] for row in rows) == 3


def test_the_words_of_the_command_line_mean_this_source() -> None:
    kind = registry.named("reports")
    assert {registry.named(word) for word in ("ctrf", "coverage", "sarif")} == {kind}
    assert registry.named("nonsense") is None
