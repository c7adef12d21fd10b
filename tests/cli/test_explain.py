"""`golive explain` on a log file and on what is unknown, as a process."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_log_is_explained_for_people_and_machines(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "build.log").write_text("start\nmain.c:3: error: no semicolon\n1 error\n")
    said = golive("explain", "build.log")
    assert said.code == 0
    assert "main.c:3: error: no semicolon" in said.out
    assert "Open main.c at line 3" in said.out
    found = golive("explain", "build.log", "--json").json
    assert found["lines"][0]["number"] == 2
    assert found["kind"] == "file"


def test_what_is_unknown_is_wrong_use(golive: Run) -> None:
    said = golive("explain", "nothing")
    assert said.code == 2
    assert "no file, no build and no failure" in said.err
