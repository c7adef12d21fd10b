"""Folders to run golive in, and golive itself as a real process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

GOLIVE = [sys.executable, "-c", "from golive_cli.main import main; main()"]
REPORT = """<?xml version="1.0"?>
<testsuite name="shop" tests="3" failures="1" time="0.6" timestamp="2026-01-05T10:00:00">
  <testcase classname="cart" name="test_add" time="0.1"/>
  <testcase classname="cart" name="test_total" time="0.2">
    <failure type="AssertionError" message="1 != 2">cart.py:7</failure>
  </testcase>
  <testcase classname="cart" name="test_pay" time="0.3"/>
</testsuite>
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str
    cpu_s: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a person without any setting of GoLive."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GOLIVE_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "160", **extra}


@pytest.fixture
def golive(tmp_path: Path) -> Run:
    """Return a function that runs golive in a folder and waits for it."""

    def run(*args: str, cwd: Path = tmp_path, stdin: str = "", **extra: str) -> Done:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*GOLIVE, *args], cwd=cwd, input=stdin, env=environment(**extra),
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Done(done.returncode, done.stdout, done.stderr, after.ru_utime - before.ru_utime)

    return run


def git(folder: Path, *args: str) -> str:
    """Run git in a folder as a known person at a known time."""
    who = {"GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z", "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z"}
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(
        ["git", *settings, *args], cwd=folder, check=True, capture_output=True, text=True,
        env=environment(**who),
    ).stdout  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository `shop` with two commits, a remote, a report, and CI files."""
    folder = tmp_path / "checkout"
    (folder / "build" / "test-results").mkdir(parents=True)
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / "build" / "test-results" / "TEST-cart.xml").write_text(REPORT)
    (folder / "build" / "test-results" / "other.xml").write_text("<project/>")
    (folder / ".github" / "workflows" / "ci.yml").write_text("on: push\n")
    (folder / "Jenkinsfile").write_text("node {}\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://bot:hunter2@git.example.org/team/web-shop.git")
    for number in (1, 2):
        (folder / "cart.py").write_text(f"total = {number}\n")
        git(folder, "add", "cart.py")
        git(folder, "commit", "-q", "-m", f"Change {number}")
    return folder
