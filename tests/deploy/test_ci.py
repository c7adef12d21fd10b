"""The project's own CI: valid for those who run it, one script for all, reports into GoLive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from golive_core.inbox import Inbox
from tests.cli.conftest import Run, environment, golive
from tests.cli.test_upload import REPORT, gateway
from tests.conftest import ROOT

__all__ = ["gateway", "golive"]
GITHUB = ROOT / ".github" / "workflows" / "ci.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
JENKINS = ROOT / "Jenkinsfile"
PARTS = {"check", "test", "browser", "first"}


def is_valid(schema: str, path: Path) -> tuple[bool, str]:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "path"), [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB)]
)
def test_a_pipeline_is_what_its_host_takes(schema: str, path: Path, tmp_path: Path) -> None:
    assert is_valid(schema, path) == (True, "ok -- validation done\n")
    broken = tmp_path / "broken.yml"
    broken.write_text(re.sub(r"(?m)^( +)(timeout-minutes|timeout): .*$", r"\1\2: [1]",
                             path.read_text()))  # fmt: skip
    assert not is_valid(schema, broken)[0], "a slip would be found"


def test_the_jenkinsfile_is_whole() -> None:
    """No parser of it is to be had: braces, quotes and the order of its parts are looked at."""
    text = re.sub(r"(?m)//.*$", "", JENKINS.read_text())
    bare = re.sub(r"'[^'\n]*'", "''", text)
    for pair in ("{}", "()", "[]"):
        assert bare.count(pair[0]) == bare.count(pair[1])
    assert bare.count("'") % 2 == 0
    assert re.findall(r"(?m)^    (\w+)(?= \{)", bare) == [
        "agent", "options", "triggers", "stages", "post",
    ]  # fmt: skip


def scripts(node: Any) -> Iterator[str]:
    """Yield every line that a YAML pipeline runs."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script", "before_script", "after_script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for one in node:
            yield from scripts(one)


@pytest.mark.parametrize("path", [GITHUB, GITLAB, JENKINS], ids=lambda path: path.name)
def test_every_part_is_run_and_the_reports_are_handed_in(path: Path) -> None:
    text = path.read_text()
    lines = list(scripts(yaml.safe_load(text))) if path.suffix == ".yml" else [text]
    joined = "\n".join(lines)
    assert ".ci/upload" in joined
    named = set(re.findall(r"\.ci/run (\w+)", joined))
    matrix = re.findall(r"(?i)part: \[(.*)\]", text)
    named |= {part for one in matrix for part in one.split(", ")}
    assert named == PARTS
    for script in re.findall(r"(?:^|\s|')((?:\.ci|deploy)/[\w./-]+)", joined):
        assert os.access(ROOT / script, os.X_OK), script


def test_jobs_get_no_more_rights_than_they_need() -> None:
    flow = yaml.safe_load(GITHUB.read_text())
    assert flow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in flow["jobs"].values())
    uses = [
        step["uses"] for job in flow["jobs"].values() for step in job["steps"] if "uses" in step
    ]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", one) for one in uses)


def test_the_script_knows_its_parts() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    assert "all) check; tests; browser; first" in text
    done = subprocess.run(
        [ROOT / ".ci" / "run", "else"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "usage" in done.stderr) == (2, True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the script, the command and a report, as CI leaves it after tests."""
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    (folder / "build" / "reports").mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "upload", folder / ".ci" / "upload")
    command = folder / ".venv" / "bin" / "golive"
    command.write_text(f"#!{sys.executable}\nfrom golive_cli.main import main\nmain()\n")
    command.chmod(0o755)
    (folder / "build" / "reports" / "tests.xml").write_text(REPORT)
    return folder


def upload(folder: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / ".ci" / "upload"], env=environment(**extra), capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


def test_reports_reach_a_gateway_that_runs(
    golive: Run, gateway: str, checkout: Path, tmp_path: Path
) -> None:
    token = golive("token", "create", "ci", "--project", "shop").out.strip()
    github = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_NUMBER": "42", "GITHUB_SHA": "c" * 40,
              "GITHUB_REF_NAME": "main"}  # fmt: skip
    done = upload(checkout, GOLIVE_URL=gateway, GOLIVE_TOKEN=token, GOLIVE_PROJECT="shop", **github)
    assert done.returncode == 0, done.stderr
    (waiting,) = Inbox(tmp_path / ".golive").waiting()
    assert b'"build": "42"' in waiting.body


def test_without_an_address_or_an_answer_the_build_goes_on(gateway: str, checkout: Path) -> None:
    assert "stay where they are" in upload(checkout).stdout
    refused = upload(checkout, GOLIVE_URL=gateway, GOLIVE_TOKEN="glv_wrong")
    assert refused.returncode == 0
    assert "the build goes on" in refused.stdout
    (checkout / "build" / "reports" / "tests.xml").unlink()
    assert "No reports" in upload(checkout, GOLIVE_URL=gateway, GOLIVE_TOKEN="x").stdout
