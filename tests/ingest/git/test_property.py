"""Random small histories: every row equals git's own answer, at once and in steps."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_repository import Repo, assert_same, read, source

NAMES = st.sampled_from(["a", "b", "dir/c", "dir/deep/d", "e f", "ü", "-"])
LINES = st.lists(st.sampled_from(["x", "y", "longer line", ""]), max_size=12).map("\n".join)
EDITS = st.tuples(st.just("edit"), NAMES, LINES)
RENAMES = st.tuples(st.just("rename"), NAMES, NAMES)
REMOVALS = st.tuples(st.just("remove"), NAMES, st.none())
BRANCHES = st.tuples(st.just("branch"), st.sampled_from("xyz"), st.none())
MERGES = st.tuples(st.just("merge"), st.sampled_from("xyz"), st.none())
PULLS = st.tuples(st.just("pull"), st.none(), st.none())
STEPS = st.lists(
    st.one_of(EDITS, EDITS, RENAMES, REMOVALS, BRANCHES, MERGES, PULLS), min_size=1, max_size=14
)


def _apply(repo: Repo, kind: str, one: str, other: str | None) -> None:
    path = repo.path / one
    if kind == "edit":
        repo.commit("edit", {one: other or ""})
    elif kind == "rename" and path.is_file() and one != other:
        (repo.path / str(other)).parent.mkdir(parents=True, exist_ok=True)
        path.replace(repo.path / str(other))
        repo.commit("rename")
    elif kind == "remove" and path.is_file():
        path.unlink()
        repo.commit("remove")
    elif kind == "branch":
        repo.git("checkout", "-q", "-B", one)
    elif kind == "merge" and repo.text("branch", "--list", one):
        repo.now += 60
        repo.git("merge", "-q", "-X", "ours", "-m", "join", "--no-ff", "--allow-unrelated", one)


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(STEPS)
def test_any_history_is_read_as_git_tells_it(steps):
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo(Path(folder) / "work")
        repo.commit("root", {"a": "x\ny\n"})
        made = source(repo.path, Path(folder) / ".golive")
        cursor, known = None, set()
        for kind, one, other in [*steps, ("pull", None, None)]:
            if kind != "pull":
                _apply(repo, kind, one, other)
                continue
            found = read(made, cursor)
            assert not known & set(found.shas())
            known |= set(found.shas())
            cursor = found.cursor or cursor
        assert known == set(repo.shas())
        assert_same(repo, read(made))
