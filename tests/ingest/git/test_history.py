"""Every kind of commit and repository, row by row against what git itself says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_repository import Repo, assert_same, read, source

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_changes_of_every_kind_are_told_as_git_tells_them(repo: Repo, home: Path):
    text = "".join(f"line {n}\n" for n in range(30))
    repo.commit("root", {"kept.txt": text, "gone.txt": "x\n", "moved.txt": text, "link": "plain"})
    (repo.path / "gone.txt").unlink()
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("kept.txt")
    repo.git("mv", "moved.txt", "there.txt")
    (repo.path / "kept.txt").chmod(0o755)
    repo.write("image.png", b"\x89PNG\0\0\1")
    sha = repo.commit("all kinds", {"there.txt": text + "one more\n", "new.txt": ""})
    found = read(source(repo.path, home))
    assert_same(repo, found)
    files = found.files(sha)
    assert {path: row["change_type"] for path, row in files.items()} == {
        "gone.txt": "deleted", "image.png": "added", "kept.txt": "modified",
        "link": "type_changed", "new.txt": "added", "there.txt": "renamed",
    }  # fmt: skip
    assert files["there.txt"]["old_path"] == "moved.txt"
    assert (files["there.txt"]["insertions"], files["there.txt"]["deletions"]) == (1, 0)
    assert (files["image.png"]["is_binary"], files["image.png"]["insertions"]) == (True, None)
    assert (files["kept.txt"]["insertions"], files["kept.txt"]["is_binary"]) == (0, False)
    assert found.commit(sha)["files_changed"] == 6


def test_the_root_commit_adds_all_its_files(repo: Repo, home: Path):
    sha = repo.commit("root", {"a/b/c.txt": "1\n2\n"})
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert found.commit(sha)["parents"] == []
    assert found.files(sha)["a/b/c.txt"]["change_type"] == "added"


def test_merges_have_parents_and_no_files(repo: Repo, home: Path):
    base = repo.commit("base", {"a": "1\n"})
    repo.git("checkout", "-qb", "side")
    side = repo.commit("side", {"b": "1\n"})
    repo.git("checkout", "-q", "main")
    main = repo.commit("main", {"c": "1\n"})
    repo.now += 60
    repo.git("merge", "-q", "side", "-m", "join")
    merge = repo.text("rev-parse", "HEAD")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    row = found.commit(merge)
    assert (row["parents"], row["is_merge"], row["files_changed"]) == ([main, side], True, 0)
    assert found.commit(base)["is_merge"] is False


def test_an_octopus_has_all_its_parents(repo: Repo, home: Path):
    repo.commit("base", {"a": "1\n"})
    tips = []
    for name in ("x", "y", "z"):
        repo.git("checkout", "-qb", name, "main")
        tips.append(repo.commit(name, {name: "1\n"}))
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "x", "y", "z", "-m", "octopus")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    row = found.commit(repo.text("rev-parse", "main"))
    assert set(tips) <= set(row["parents"])
    assert row["is_merge"]


def test_copies_are_found_if_asked_for(repo: Repo, home: Path):
    text = "".join(f"line {n}\n" for n in range(30))
    repo.commit("root", {"a.txt": text})
    sha = repo.commit("copy", {"a.txt": text + "more\n", "b.txt": text})
    plain = read(source(repo.path, home)).files(sha)["b.txt"]
    copied = read(source(repo.path, home, copies=True)).files(sha)["b.txt"]
    assert (plain["change_type"], plain["insertions"]) == ("added", 30)
    assert (copied["change_type"], copied["old_path"]) == ("copied", "a.txt")
    assert copied["insertions"] == 0


def test_names_with_newlines_tabs_and_other_bytes_are_kept(repo: Repo, home: Path):
    for name in (
        b"new\nline",
        b"tab\there",
        b"latin-\xe9",
        "grün/日本".encode(),
        b":colon",
        b"-\t-",
    ):
        repo.write(name, "1\n")
    sha = repo.commit("odd names")
    repo.git("mv", "tab\there", "c\nd")
    renamed = repo.commit("odd rename")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert set(found.files(sha)) == {
        "new\nline", "tab\there", "latin-\\xe9", "grün/日本", ":colon", "-\t-"
    }  # fmt: skip
    assert found.files(renamed)["c\nd"]["old_path"] == "tab\there"


def test_messages_in_other_encodings_are_recoded_as_their_header_says(repo: Repo, home: Path):
    latin = {"GIT_CONFIG_KEY_0": "i18n.commitEncoding", "GIT_CONFIG_VALUE_0": "ISO-8859-1"}
    declared = repo.commit("Grüße\n".encode("latin-1"), {"a": "1"}, GIT_CONFIG_COUNT="1", **latin)
    who = "Jos\udce9 <jose@example.org> 1700000500 +0000".encode(errors="surrogateescape")
    repo.write("b", "1")
    repo.git("add", "-A")
    undeclared = repo.raw_commit(
        author="Ada <a@example.org> 1700000500 +0000",
        committer="Ada <a@example.org> 1700000500 +0000",
        message=b"caf\xe9 by " + who + b"\n",
    )
    found = read(source(repo.path, home))
    assert found.commit(declared)["subject"] == "Grüße"
    assert found.commit(undeclared)["subject"].startswith("caf\\xe9 by Jos\\xe9")
    assert_same(repo, found)


def test_names_of_people_go_through_the_mailmap(repo: Repo, home: Path):
    sha = repo.commit("x", {".mailmap": "Ada Lovelace <ada@lovelace.org> <ada@example.org>\n"})
    found = read(source(repo.path, home))
    assert_same(repo, found)
    row = found.commit(sha)
    assert (row["author_name"], row["author_email"]) == ("Ada Lovelace", "ada@lovelace.org")


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("", ""),
        ("\n\n", ""),
        ("one\ntwo\n\nbody\n", "one"),
        ("\n\nlate subject\n", "late subject"),
        ("windows\r\nbody\r\n", "windows"),
        ("::odd\t1\t2\n:100644 100644 a b M\n\n1\t2\tfile\n", "::odd\t1\t2"),
        ("x" * 3_000_000, "x" * 3_000_000),
    ],
    ids=["empty", "blank", "two lines", "late", "crlf", "like a diff", "huge"],
)
def test_messages_are_kept_whole(repo: Repo, home: Path, message: str, subject: str):
    sha = repo.commit(message, {"a": "1\n"})
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert found.commit(sha)["subject"] == subject


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("0 +0000", EPOCH),
        ("4070908800 +0000", datetime(2099, 1, 1, tzinfo=UTC)),
        ("1700000000 -7700", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("99999999999999 +0000", EPOCH),
        ("18446744073709551615 +0000", EPOCH),
        ("99999999999999999999999999 +0000", EPOCH),
        ("-1 +0000", EPOCH),
        ("yesterday", EPOCH),
        ("", EPOCH),
    ],
)
def test_odd_times_never_lose_a_commit(repo: Repo, home: Path, stamp: str, at: datetime):
    repo.commit("root", {"a": "1\n"})
    who = f"Ada <ada@example.org> {stamp}".rstrip()
    sha = repo.raw_commit(author=who, committer=who)
    row = read(source(repo.path, home)).commit(sha)
    assert (row["committed_at"], row["authored_at"], row["day"]) == (at, at, at.date())


def test_a_clock_that_runs_backwards_loses_nothing(repo: Repo, home: Path):
    for number in range(30):
        repo.now -= 86_400
        repo.commit(f"{number}", {"a": f"{number}\n"})
    assert_same(repo, read(source(repo.path, home)))


def test_an_identity_without_name_or_mail_is_kept(repo: Repo, home: Path):
    repo.commit("root", {"a": "1\n"})
    sha = repo.raw_commit(author="<> 1700000100 +0000", committer=" <> 1700000100 +0000")
    row = read(source(repo.path, home)).commit(sha)
    assert (row["author_name"], row["author_email"]) == ("", "")
    assert row["committed_at"].timestamp() == 1700000100


def test_submodules_count_as_git_counts_them(repo: Repo, tmp_path: Path, home: Path):
    inner = Repo(tmp_path / "inner")
    inner.commit("inner", {"x": "1\n"})
    repo.commit("root", {"a": "1\n"})
    repo.git("submodule", "--quiet", "add", str(inner.path), "lib")
    sha = repo.commit("add a submodule")
    inner.commit("more", {"x": "2\n"})
    repo.git("-C", "lib", "pull", "-q")
    moved = repo.commit("move it")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert found.files(sha)["lib"]["change_type"] == "added"
    assert (found.files(moved)["lib"]["insertions"], found.files(moved)["lib"]["deletions"]) == (
        1,
        1,
    )


def test_an_empty_repository_is_a_repository_without_commits(repo: Repo, home: Path):
    made = source(repo.path, home)
    found = read(made)
    assert found["repositories"].row(0, named=True) == {
        "repository_id": "shop-git", "project_id": "shop", "source": "git",
        "url": str(repo.path), "default_branch": None, "is_shallow": False,
    }  # fmt: skip
    assert found.shas() == []
    assert found["branches"].height == 0
    assert not made.has_news("refs", found.cursor)
    first = repo.commit("first", {"a": "1\n"})
    assert made.has_news("refs", found.cursor)
    later = read(made, found.cursor)
    assert later.shas() == [first]
    assert later["repositories"]["default_branch"].to_list() == ["main"]


def test_branches_and_tags_lead_to_commits(repo: Repo, home: Path):
    first = repo.commit("first", {"a": "1\n"})
    repo.git("tag", "light")
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("tag", "-a", "nested", "-m", "a tag of a tag", "v1")
    repo.git("tag", "blob", repo.text("rev-parse", "HEAD:a"))
    repo.git("tag", "tree", repo.text("rev-parse", "HEAD^{tree}"))
    repo.git("checkout", "-qb", "feature/x")
    second = repo.commit("second", {"a": "2\n"})
    repo.git("checkout", "-q", "main")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    rows = found.branches()
    assert {name: (row["kind"], row["head_sha"]) for name, row in rows.items()} == {
        "main": ("branch", first), "feature/x": ("branch", second),
        "light": ("tag", first), "v1": ("tag", first), "nested": ("tag", first),
    }  # fmt: skip
    assert [name for name, row in rows.items() if row["is_default"]] == ["main"]
    assert rows["feature/x"]["updated_at"].timestamp() == repo.now
    assert not any(row["is_deleted"] for row in rows.values())


def test_a_detached_head_is_reached_too(repo: Repo, home: Path):
    repo.commit("first", {"a": "1\n"})
    repo.git("checkout", "-q", "--detach")
    lonely = repo.commit("on no branch", {"a": "2\n"})
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert lonely in found.shas()
    assert found["repositories"]["default_branch"].to_list() == [None]


def test_a_detached_clone_takes_the_default_of_its_origin(repo: Repo, tmp_path: Path, home: Path):
    repo.commit("first", {"a": "1\n"})
    repo.git("clone", "-q", str(repo.path), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone", make=False)
    clone.git("checkout", "-q", "--detach")
    clone.git("branch", "-D", "main")
    found = read(source(clone.path, home))
    assert found["repositories"]["default_branch"].to_list() == ["main"]
    assert set(found.branches()) == {"origin/main"}


def test_work_trees_are_read_like_their_repository(repo: Repo, tmp_path: Path, home: Path):
    repo.commit("first", {"a": "1\n"})
    tree = Repo(tmp_path / "tree", make=False)
    repo.git("worktree", "add", "-q", "--detach", str(tree.path))
    tree.now = repo.now
    lonely = tree.commit("only in the work tree", {"b": "1\n"})
    for path in (repo.path, tree.path):
        found = read(source(path, home))
        assert lonely in found.shas()
        assert len(found.shas()) == 2


def test_stashes_and_notes_are_nobodys_commits(repo: Repo, home: Path):
    repo.commit("first", {"a": "1\n"})
    repo.git("notes", "add", "-m", "a note")
    repo.write("a", "changed\n")
    repo.git("stash", "-q")
    found = read(source(repo.path, home))
    assert found.shas() == sorted(repo.shas())
    assert len(found.shas()) == 1
    everything = read(source(repo.path, home, refs=["refs/heads", "refs/notes"]))
    assert len(everything.shas()) == 2


def test_a_bare_repository_is_read_where_it_is(repo: Repo, tmp_path: Path, home: Path):
    repo.commit("first", {".mailmap": "Eva <eva@example.org> <ada@example.org>\n"})
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    bare = Repo(tmp_path / "bare.git", make=False)
    found = read(source(bare.path, home))
    assert_same(bare, found)
    assert found["commits"]["author_name"].to_list() == ["Eva"]


def test_sha256_repositories_are_read(tmp_path: Path, home: Path):
    repo = Repo(tmp_path / "new", "--object-format=sha256")
    text = "".join(f"line {n}\n" for n in range(30))
    repo.commit("root", {"a": text})
    repo.git("mv", "a", "b")
    sha = repo.commit("rename")
    found = read(source(repo.path, home))
    assert_same(repo, found)
    assert len(sha) == 64
    assert found.files(sha)["b"]["change_type"] == "renamed"


def test_a_sha_stands_for_the_commit_that_was_made(repo: Repo, home: Path):
    first = repo.commit("first", {"a": "1\n"})
    second = repo.commit("second", {"a": "2\n"})
    third = repo.commit("third", {"a": "3\n"})
    expected = read(source(repo.path, home))
    repo.git("replace", third, first)
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/grafts").write_text(f"{second}\n")
    found = read(source(repo.path, home))
    assert found["commits"].equals(expected["commits"])
    assert found["commit_files"].equals(expected["commit_files"])


def test_settings_for_the_eye_do_not_change_the_numbers(repo: Repo, home: Path):
    text = "".join(f"line {n}\n" for n in range(30))
    repo.commit("root", {"a": text})
    repo.git("mv", "a", "b")
    repo.commit("rename", {"b": text.replace("line 7\n", "")})
    expected = read(source(repo.path, home))
    for key, value in {
        "log.showRoot": "false", "log.showSignature": "true", "diff.renames": "false",
        "diff.algorithm": "patience", "diff.relative": "true", "log.mailmap": "false",
        "color.ui": "always", "format.pretty": "oneline", "diff.renameLimit": "1",
        "i18n.logOutputEncoding": "ISO-8859-1", "diff.external": "false", "diff.noprefix": "true",
    }.items():  # fmt: skip
        repo.git("config", key, value)
    found = read(source(repo.path, home))
    assert found["commits"].equals(expected["commits"])
    assert found["commit_files"].equals(expected["commit_files"])
    assert {"renamed", "added"} == set(found["commit_files"]["change_type"])
