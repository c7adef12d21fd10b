"""What is new: the second pull brings what the first did not, whatever happened to the refs."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from made_repository import START, Read, Repo, assert_same_commit, parse, read, source

from golive_core.window import Window
from ingest.git_command import Git, Spool, Spools
from ingest.git_repository import cut


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def grow(repo: Repo, count: int, name: str = "a") -> list[str]:
    """Make commits and return them."""
    return [repo.commit(f"{name} {n}", {name: f"{name} {n}\n"}) for n in range(count)]


def test_ten_new_commits_are_exactly_these_ten(repo: Repo, home: Path):
    grow(repo, 20)
    made = source(repo.path, home)
    first = read(made)
    new = grow(repo, 10)
    assert made.has_news("refs", first.cursor)
    second = read(made, first.cursor)
    assert second.shas() == sorted(new)
    assert second["commits"]["sha"].to_list() == new[::-1]
    for sha in new:
        assert_same_commit(repo, second, sha)
    assert set(second.branches()) == {"main"}


def test_nothing_new_yields_nothing(repo: Repo, home: Path):
    grow(repo, 2)
    made = source(repo.path, home)
    cursor = read(made).cursor
    assert not made.has_news("refs", cursor)
    assert list(made.pull("refs", cursor=cursor, window=None)) == []
    repo.write("a", "not committed\n")
    assert not made.has_news("refs", cursor)


def test_a_cursor_survives_json(repo: Repo, home: Path):
    import json

    grow(repo, 2)
    repo.git("tag", "-a", "v1", "-m", "one")
    made = source(repo.path, home)
    cursor = json.loads(json.dumps(dict(read(made).cursor or {})))
    assert not made.has_news("refs", cursor)


def test_the_same_payload_gives_the_same_rows_later(repo: Repo, home: Path):
    grow(repo, 5)
    made = source(repo.path, home)
    first = read(made)
    new = grow(repo, 3)
    second = read(made, first.cursor)
    grow(repo, 4, "later")
    again = Read(units=list(made.plan(second.pulled[0].payloads)))
    parse(made, again)
    assert again.shas() == sorted(new)
    assert all(again.tables[name].equals(second.tables[name]) for name in second.tables)


def test_a_forced_push_brings_the_new_side_only(repo: Repo, home: Path):
    kept = grow(repo, 3)
    old = grow(repo, 2, "old")
    made = source(repo.path, home)
    first = read(made)
    repo.git("reset", "-q", "--hard", kept[-1])
    new = grow(repo, 2, "new")
    second = read(made, first.cursor)
    assert second.shas() == sorted(new)
    assert second.branches()["main"]["head_sha"] == new[-1]
    repo.git("reset", "-q", "--hard", old[-1])
    third = read(made, second.cursor)
    assert third.branches()["main"]["head_sha"] == old[-1]
    assert set(third.shas()) <= set(old)


def test_old_tips_may_be_collected_as_garbage(repo: Repo, home: Path):
    kept = grow(repo, 3)
    grow(repo, 2, "old")
    made = source(repo.path, home)
    first = read(made)
    repo.git("reset", "-q", "--hard", kept[-1])
    new = grow(repo, 2, "new")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    second = read(made, first.cursor)
    assert set(new) <= set(second.shas())
    assert second.rejects == []


def test_tips_of_a_payload_may_be_gone_when_it_is_parsed(repo: Repo, home: Path):
    grow(repo, 3)
    repo.git("checkout", "-qb", "side")
    grow(repo, 2, "side")
    made = source(repo.path, home)
    pulled = list(made.pull("refs", cursor=None, window=None))
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-qD", "side")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    found = Read(units=list(made.plan(pulled[0].payloads)))
    parse(made, found)
    assert found.shas() == sorted(repo.shas())


def test_a_deleted_branch_is_marked_and_a_moved_tag_follows(repo: Repo, home: Path):
    first_sha, second_sha = grow(repo, 2)
    repo.git("branch", "gone")
    repo.git("tag", "-a", "v1", "-m", "one", first_sha)
    repo.git("branch", "still", first_sha)
    made = source(repo.path, home)
    first = read(made)
    repo.git("branch", "-qD", "gone")
    repo.git("tag", "-f", "-a", "v1", "-m", "two", second_sha)
    second = read(made, first.cursor)
    rows = second.branches()
    assert set(rows) == {"gone", "v1"}
    assert (rows["gone"]["is_deleted"], rows["gone"]["head_sha"]) == (True, second_sha)
    assert (rows["v1"]["is_deleted"], rows["v1"]["head_sha"]) == (False, second_sha)
    assert rows["gone"]["updated_at"] > first.branches()["gone"]["updated_at"]
    assert second.shas() == []


def test_another_default_branch_is_news(repo: Repo, home: Path):
    grow(repo, 1)
    repo.git("branch", "next")
    made = source(repo.path, home)
    first = read(made)
    repo.git("symbolic-ref", "HEAD", "refs/heads/next")
    second = read(made, first.cursor)
    assert {name: row["is_default"] for name, row in second.branches().items()} == {
        "main": False, "next": True
    }  # fmt: skip
    assert second["repositories"]["default_branch"].to_list() == ["next"]


def test_a_new_branch_without_commits_brings_no_commits(repo: Repo, home: Path):
    grow(repo, 3)
    made = source(repo.path, home)
    first = read(made)
    repo.git("branch", "other")
    second = read(made, first.cursor)
    assert set(second.branches()) == {"other"}
    assert second.shas() == []


def test_several_payloads_at_once_are_planned_in_order(repo: Repo, home: Path):
    made = source(repo.path, home)
    pulled, cursor, expected = [], None, []
    for step in range(3):
        expected += grow(repo, 2, f"step{step}")
        pulled += list(made.pull("refs", cursor=cursor, window=None))
        cursor = pulled[-1].cursor
    payloads = pl.concat([one.payloads for one in pulled])
    found = Read(units=list(made.plan(payloads)))
    parse(made, found)
    assert found.shas() == sorted(expected)


# ---------------------------------------------------------------- windows


def test_a_window_reads_again_what_is_known(repo: Repo, home: Path):
    shas = grow(repo, 10)
    made = source(repo.path, home)
    first = read(made)
    window = Window(at(START + 3 * 60), at(START + 6 * 60))
    found = read(made, first.cursor, window)
    assert found.shas() == sorted(shas[2:5])
    assert "core.branches" not in found.tables
    expected = first["commits"].filter(pl.col("sha").is_in(shas[2:5]))
    assert found["commits"].equals(expected)
    again = read(made, None, window)
    assert again.pulled[0].payloads["payload_id"][0] == found.pulled[0].payloads["payload_id"][0]


def test_a_window_finds_commits_behind_a_clock_that_ran_backwards(repo: Repo, home: Path):
    repo.now = START + 10_000
    inside = repo.commit("inside", {"a": "1\n"})
    for number in range(20):
        repo.now = START + number
        repo.commit("older", {"a": f"older {number}\n"})
    window = Window(at(START + 10_000), at(START + 20_000))
    assert read(source(repo.path, home), None, window).shas() == [inside]


def test_a_window_without_commits_yields_nothing(repo: Repo, home: Path):
    grow(repo, 2)
    window = Window(at(START - 7200), at(START - 3600))
    assert list(source(repo.path, home).pull("refs", cursor=None, window=window)) == []


# ---------------------------------------------------------------- shallow clones


@pytest.fixture
def shallow(repo: Repo, tmp_path: Path) -> Repo:
    """Return a clone of the newest three of eight commits."""
    grow(repo, 8)
    repo.git("clone", "-q", "--depth=3", f"file://{repo.path}", str(tmp_path / "shallow"))
    return Repo(tmp_path / "shallow", make=False)


def test_the_edge_of_a_shallow_clone_does_not_claim_the_whole_tree(
    repo: Repo, shallow: Repo, home: Path
):
    found = read(source(shallow.path, home))
    assert found.shas() == sorted(shallow.shas())
    assert found["repositories"]["is_shallow"].to_list() == [True]
    edge = found.commit((shallow.path / ".git/shallow").read_text().strip())
    assert (edge["files_changed"], edge["insertions"], edge["deletions"]) == (None, None, None)
    assert edge["parents"] == [repo.shas()[3]]
    assert found.files(edge["sha"]) == {}
    for sha in shallow.shas()[:2]:
        assert_same_commit(shallow, found, sha)


def test_deepening_brings_the_older_commits_and_the_edge_again(
    repo: Repo, shallow: Repo, home: Path
):
    made = source(shallow.path, home)
    first = read(made)
    edge = (shallow.path / ".git/shallow").read_text().strip()
    shallow.git("fetch", "-q", "--deepen=2")
    assert made.has_news("refs", first.cursor)
    second = read(made, first.cursor)
    assert second.shas() == sorted([*repo.shas()[3:5], edge])
    assert_same_commit(repo, second, edge)
    shallow.git("fetch", "-q", "--unshallow")
    third = read(made, second.cursor)
    assert set(third.shas()) == {*repo.shas()[4:]}
    assert third["repositories"]["is_shallow"].to_list() == [False]
    assert not made.has_news("refs", third.cursor)


# ---------------------------------------------------------------- units


@pytest.mark.parametrize("count", [0, 1, 399, 400, 799, 800, 5_000, 18_637, 20_000])
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_parts_hold_every_commit_once_and_leave_a_rest(count: int, processes: int):
    shas = b"".join(f"{n:040x}\n".encode() for n in range(count))
    parts = cut(shas, processes)
    assert b"".join(parts) == shas
    sizes = [len(part) // 41 for part in parts]
    assert all(sizes)
    if processes == 1 or count < 800:
        assert len(sizes) == min(1, count)
    else:
        assert len(sizes) == processes + max(1, processes // 2)
        assert max(sizes) <= count * 0.8 / processes + 1


def test_the_next_git_starts_when_any_ends(repo: Repo):
    shas = grow(repo, 3)
    git = Git("x", ("-C", str(repo.path)))
    given = [f"{sha}\n".encode() for sha in shas]
    with Spools(
        lambda one: git.spool("diff-tree", "--stdin", "--always", stdin=one), given, 2
    ) as all_:
        said = [(one, b"".join(spool.chunks())) for one, spool in all_]
    assert [one for one, _ in said] == given
    assert all(one.strip() in text for one, text in said)


def test_leaving_in_the_middle_ends_every_git(repo: Repo, tmp_path: Path):
    git = Git("x", ("-C", str(repo.path)))
    os.mkfifo(tmp_path / "nobody-writes")
    started = time.monotonic()
    live: list[Spool] = []

    def slow(_: bytes) -> Spool:
        live.append(git.spool("hash-object", str(tmp_path / "nobody-writes")))
        return live[-1]

    with Spools(slow, [b"a", b"b", b"c"], 2):
        while len(live) < 2:
            time.sleep(0.01)
    assert time.monotonic() - started < 20
    assert len(live) == 2


def test_units_are_small_to_send_and_need_nothing_else(repo: Repo, home: Path):
    import pickle

    shas = grow(repo, 3)
    units = read(source(repo.path, home)).units
    assert [unit.notes["kind"] for unit in units] == ["refs", "log"]
    unit = pickle.loads(pickle.dumps(units[1]))
    assert unit.payloads["body"].to_list() == [None]
    other = source(repo.path, home)
    rows = [parsed.tables["core.commits"] for parsed in other.parse(unit)]
    assert sorted(pl.concat(rows)["sha"]) == sorted(shas)


def test_times_before_any_watch_are_those_of_the_heads(repo: Repo, home: Path):
    grow(repo, 3)
    found = read(source(repo.path, home))
    assert found.branches()["main"]["updated_at"] == at(START + 180)
    assert at(START) + timedelta(days=1) < datetime.now(UTC)
