"""Bisection of real repositories by real commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golive_core.settings import child_environment

BODY = "import sys, os, time\nn = int(open('n').read())\n"


def git(path: Path, *args: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *who, *args], cwd=path, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventeen commits in a line, tags t0 to t16; the file n holds the number."""
    path = tmp_path_factory.mktemp("planted")
    git(path, "init", "-q", "-b", "main")
    for number in range(17):
        (path / "n").write_text(f"{number}\n")
        git(path, "add", "n")
        git(path, "commit", "-q", "-m", f"number {number}")
        git(path, "tag", f"t{number}")
    return path


def start(path: Path, home: Path, body: str, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from golive_cli.main import main; main()", "bisect", "--json",
         *options, "t0", "t16", "--", sys.executable, "-c", BODY + body],
        cwd=path, env=child_environment(GOLIVE_HOME=str(home)), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def bisect(path: Path, home: Path, body: str, *options: str) -> dict[str, object]:
    out, said = start(path, home, body, *options).communicate(timeout=60)
    assert out, said.decode()
    return json.loads(out)


def is_clean(path: Path) -> bool:
    return len(git(path, "worktree", "list").splitlines()) == 1


def test_the_planted_commit_is_found_and_the_checkout_is_untouched(
    repository: Path, home: Path
) -> None:
    (repository / "n").write_text("dirty\n")
    (repository / "new").write_text("untracked\n")
    before = git(repository, "status", "--porcelain")
    found = bisect(repository, home, "sys.exit(n >= 11)", "--jobs", "2")
    assert found["answer"] == "commit"
    assert found["culprits"] == [git(repository, "rev-parse", "t11")]
    assert git(repository, "status", "--porcelain") == before
    assert is_clean(repository)


def test_what_cannot_be_built_hangs_or_crashes_is_passed_over(repository: Path, home: Path) -> None:
    body = "sys.exit(125) if n == 8 else os.abort() if n == 9 else None\n"
    body += "time.sleep(60) if n == 10 else sys.exit(n >= 10)"
    found = bisect(repository, home, body, "--timeout", "1")
    assert found["answer"] == "group"
    group = [git(repository, "rev-parse", f"t{n}") for n in (8, 9, 10, 11)]
    assert found["culprits"] == group


def test_a_good_end_that_is_bad_is_said_so(repository: Path, home: Path) -> None:
    assert bisect(repository, home, "sys.exit(1)")["answer"] == "before"


def test_a_killed_search_goes_on_and_leaves_nothing(
    repository: Path, home: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    body = f"os.path.exists({str(go)!r}) or n == 8 or time.sleep(60)\nsys.exit(n >= 11)"
    running = start(repository, home, body)
    until = time.monotonic() + 30
    while not list(home.glob("bisect/*/runs.jsonl")) and time.monotonic() < until:
        time.sleep(0.05)
    running.terminate()
    running.communicate(timeout=20)
    assert running.returncode == 130
    assert is_clean(repository)
    go.touch()
    found = bisect(repository, home, body, "--resume")
    assert found["culprits"] == [git(repository, "rev-parse", "t11")]
    runs = found["runs"]
    assert isinstance(runs, list)
    assert runs[0]["sha"] == git(repository, "rev-parse", "t8")
