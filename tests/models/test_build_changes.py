"""What is new in a build is what git says is new, on this repository's own history too."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from build_worlds import at

from models.build_changes import COMMITS, FILES, changes
from models.commit_graph import Graph

ROOT = Path(__file__).resolve().parents[2]


def git(*args: str) -> list[str]:
    done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this tree is no clone with a history")
    return done.stdout.splitlines()


def test_commits_between_two_are_those_of_git_rev_list() -> None:
    lines = [line.split() for line in git("log", "--format=%H %ct %P", "-n", "250")]
    if len(lines) < 3:
        pytest.skip("a history of one or two commits has nothing between them")
    times = [datetime.fromtimestamp(int(line[1]), UTC) for line in lines]
    commits = pl.DataFrame(
        {"sha": [line[0] for line in lines], "committed_at": times,
         "parents": [line[2:] for line in lines]},
        schema={"sha": pl.String, "committed_at": COMMITS["committed_at"],
                "parents": COMMITS["parents"]},
    )  # fmt: skip
    graph = Graph.of(commits)
    dice = random.Random(4)
    for _ in range(25):
        new, old = dice.sample(commits["sha"].to_list()[:200], 2)
        expected = set(git("rev-list", new, f"^{old}")) & set(commits["sha"])
        if len(expected) < 150:
            assert set(graph.between([old], new)) == expected


def commit(sha: str, hours: float, *parents: str, **cells: object) -> dict[str, object]:
    said = {
        "project_id": "shop", "sha": sha, "parents": list(parents), "committed_at": at(hours),
        "author": "Ada", "subject": f"Change {sha}", "is_merge": len(parents) > 1,
    }  # fmt: skip
    return said | cells


def asked(number: int, sha: str, hours: float, **cells: object) -> dict[str, object]:
    said = {
        "project_id": "shop", "build_id": f"ci#{number}", "pipeline_id": "ci", "branch": "main",
        "is_main": True, "commit_sha": sha, "as_of": at(hours), "attempt": 1, "trigger": "push",
    }  # fmt: skip
    return said | cells


COMMITTED = pl.DataFrame([
    commit("a", 0), commit("b", 1, "a", author="Ben"), commit("c", 2, "b", subject="Fix the till"),
    commit("f", 2.5, "b", author="Eve"), commit("g", 2.6, "f", author="Eve"),
    commit("m", 3, "c", "g"),
], schema=COMMITS)  # fmt: skip
TOUCHED = pl.DataFrame([
    {"project_id": "shop", "sha": sha, "path": path, "insertions": 2, "deletions": 1}
    for sha, path in [("a", "x"), ("b", "x"), ("c", "y"), ("f", "z"), ("g", "z"), ("g", "w")]
], schema=FILES)  # fmt: skip


def told(*builds: dict[str, object]) -> list[dict[str, object]]:
    frame = pl.DataFrame(list(builds), infer_schema_length=None)
    return changes(frame, COMMITTED, TOUCHED).to_dicts()


def test_a_build_has_what_was_committed_since_the_one_before() -> None:
    first, second, again = told(asked(1, "a", 1), asked(2, "c", 3), asked(3, "c", 4))
    assert (first["commits"], first["paths"]) == (1, ["x"])
    assert (second["commits"], second["paths"], second["authors"]) == (
        2,
        ["x", "y"],
        ["Ada", "Ben"],
    )
    assert (second["is_fix"], second["insertions"], second["deletions"]) == (True, 4, 2)
    assert (again["commits"], again["paths"]) == (0, None)


def test_a_merge_has_the_files_of_what_it_merged() -> None:
    _, merged = told(asked(1, "c", 2), asked(2, "m", 4))
    assert merged["is_merge"]
    assert (merged["commits"], merged["paths"], merged["authors"]) == (
        3,
        ["w", "z"],
        ["Ada", "Eve"],
    )
    [alone] = told(asked(2, "m", 4))
    assert alone["paths"] == ["w", "z"]


def test_the_first_build_of_a_branch_is_compared_with_the_main_line() -> None:
    _, branch = told(asked(1, "b", 2), asked(2, "g", 3, branch="till", is_main=False))
    assert (branch["commits"], branch["paths"]) == (2, ["w", "z"])


def test_a_range_and_a_supposed_build_change_no_other() -> None:
    supposed = asked(9, "m", 3.5, since="a", is_supposed=True)
    rows = told(asked(1, "c", 2) | {"since": None, "is_supposed": False}, supposed,
                asked(2, "m", 4) | {"since": None, "is_supposed": False})  # fmt: skip
    assert [row["commits"] for row in rows] == [1, 5, 3]


def test_a_commit_that_nobody_knows_is_not_known() -> None:
    [row] = told(asked(1, "unknown", 1))
    assert (row["commits"], row["paths"], row["author"]) == (None, None, None)
    [none] = told(asked(1, "a", 1, commit_sha=None))
    assert none["commits"] is None
