"""Diffs are read as git writes them and as others do, whatever stands in the lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive_agents.change import Clone
from golive_agents.diff import parse
from golive_core.errors import UsageError
from tests.agents.repository import Made, made


def test_a_range_has_its_files_lines_branch_and_authors(tmp_path: Path) -> None:
    shop = made(tmp_path)
    change = Clone(tmp_path / "shop").change("main...feature")
    assert [(one.path, one.old_path, one.kind) for one in change.files] == [
        ("näme.txt", "", "added"), ("shop/b.py", "shop/a.py", "renamed"),
        ("shop/cart.py", "", "modified"),
    ]  # fmt: skip
    assert change.lines["shop/cart.py"] == {6}
    assert change.lines["shop/b.py"] == set()
    assert (change.branch, change.authors) == ("feature", ("Cy",))
    assert change.head == shop.git("rev-parse", "feature")
    assert change.base == shop.git("rev-parse", "main")


def test_a_root_commit_and_a_single_commit_are_changes(tmp_path: Path) -> None:
    shop = made(tmp_path)
    root = shop.git("rev-list", "--max-parents=0", "HEAD")
    first = Clone(tmp_path).change(root)
    assert (first.base, len(first.files)) == ("", 2)
    assert Clone(tmp_path).change("main").lines == {"shop/cart.py": {6}}


@pytest.mark.parametrize("span", ["--output=x", "nothing", "main..nothing", "main..main", "a...b"])
def test_what_is_no_range_is_wrong_use(span: str, tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(UsageError):
        Clone(tmp_path).change(span)


def test_a_folder_without_git_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no work tree"):
        Clone(tmp_path)


def test_a_diff_of_another_tool_is_read() -> None:
    text = "--- old/x.c\t2026-01-01\n+++ b/x.c\t2026-01-02\n@@ -1 +1,2 @@\n-a\n+b\n+c\n"
    (one,) = parse(text + text.replace("x.c", "y.c"))[:1]
    assert (one.path, one.added, one.deletions) == ("x.c", {1, 2}, 1)
    assert [file.path for file in parse(text + text.replace("x.c", "y.c"))] == ["x.c", "y.c"]
    assert parse("no diff at all\n@@ nonsense") == ()


HOSTILE = [
    "--- a/x", "+++ b/y", "@@ -1 +1 @@", "diff --git a/x b/x", "\\ No newline", "", "rename to z",
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    old=st.lists(st.sampled_from([*HOSTILE, "a", "b"]), max_size=8),
    new=st.lists(st.sampled_from([*HOSTILE, "a", "c"]), min_size=1, max_size=8),
)
def test_lines_that_look_like_heads_are_lines(
    old: list[str], new: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    shop = Made(folder)
    shop.git("init", "-q")
    shop.commit({"keep": "k", "f": "".join(f"{line}\n" for line in old)}, "One")
    shop.commit({"keep": "l", "f": "".join(f"{line}\n" for line in new)}, "Two")
    files = {one.path: one for one in Clone(folder).change("HEAD").files}
    told = shop.git("diff", "--numstat", "HEAD~1", "HEAD").splitlines()
    counts = {name: (int(more), int(less)) for more, less, name in map(str.split, told)}
    assert {name: (one.insertions, one.deletions) for name, one in files.items()} == counts
    if "f" in files:
        assert all(
            new[line.number - 1] == line.text for line in files["f"].lines if line.mark == "+"
        )
