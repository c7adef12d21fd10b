"""When the demo project is written, and what the first run tells its parent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.steps import AssetStep, Step
from golive_cli.serve import first_run
from golive_core import settings
from golive_core.lake import Lake
from tests.cli.conftest import REPORT

GIT = '[project.shop]\n[source.shop-git]\ntype = "git"\npath = "."\n'
JUNIT = '[source.shop-reports]\ntype = "junit"\n'
JENKINS = '[source.ci]\ntype = "jenkins"\nurl = "https://ci.example.org"\n'


def brings(folder: Path, text: str) -> bool:
    (folder / "golive.toml").write_text(text)
    return first_run.has_results(settings.load(folder), Lake(folder / ".golive" / "lake"))


def test_a_repository_alone_brings_no_results(tmp_path: Path) -> None:
    assert not brings(tmp_path, GIT)


@pytest.mark.parametrize("paths", ["", 'paths = ["*.xml"]\n'])
def test_report_files_bring_results_once_there_is_a_report(tmp_path: Path, paths: str) -> None:
    (tmp_path / "TEST-pom.xml").write_text("<project/>")
    assert not brings(tmp_path, GIT + JUNIT + paths)
    (tmp_path / "TEST-cart.xml").write_text(REPORT)
    assert brings(tmp_path, GIT + JUNIT + paths)


def test_a_ci_server_brings_results(tmp_path: Path) -> None:
    assert brings(tmp_path, GIT + JENKINS)


def test_steps_cross_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    first_run.tell(Step("ci", "pull", "builds", payloads=3))
    first_run.tell(AssetStep("core/builds", "done", {"rows_new": 7}))
    first_run.tell(AssetStep("core/builds", "failed", message="no disk"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"step": "pull ci", "state": "going", "counts": {"payloads": 3, "rows": 0}},
        {"step": "core/builds", "state": "done", "counts": {"rows_new": 7}},
        {"step": "core/builds", "state": "failed", "message": "no disk"},
    ]


@pytest.mark.slow
def test_the_demo_project_is_written_once_and_labelled(home: Path) -> None:
    found = settings.load()
    first_run.demo(found)
    lake = Lake(home / "lake")
    version = lake.version()
    assert lake.query("select name, is_simulated from core.projects").rows() == [
        ("Demo (simulated)", True)
    ]
    first_run.demo(found)
    assert lake.version() == version
