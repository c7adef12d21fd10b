"""Repositories behind a URL: a mirror is fetched, kept up to date, and no secret leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from git_server import Served, serving
from made_repository import Repo, assert_same, parse, read, source

from golive_core.errors import (
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)
from ingest.source import Context, Instance
from ingest.sources.git import GitSource


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Return a server of the repositories below `tmp_path`."""
    with serving(tmp_path) as served:
        yield served


def remote(url: str, home: Path, **options: object) -> GitSource:
    instance = Instance("shop-git", "git", "shop", {"url": url, **options})
    return GitSource(instance, Context(home=home, base=home.parent))


def test_a_url_is_mirrored_and_then_fetched_by_and_by(repo: Repo, home: Path, server: Served):
    repo.commit("one", {"a": "1\n"})
    repo.git("tag", "-a", "v1", "-m", "one")
    made = remote(server.url("work"), home)
    first = read(made)
    assert_same(repo, first)
    assert first["repositories"]["url"].to_list() == [server.url("work")]
    assert first["repositories"]["default_branch"].to_list() == ["main"]
    assert set(first.branches()) == {"main", "v1"}
    new = [repo.commit(f"{n}", {"a": f"{n}\n"}) for n in range(10)]
    second = read(made, first.cursor)
    assert second.shas() == sorted(new)
    assert second.pulled[0].requests == 2


def test_news_are_asked_for_by_one_listing_alone(repo: Repo, home: Path, server: Served):
    repo.commit("one", {"a": "1\n"})
    made = remote(server.url("work"), home)
    cursor = read(made).cursor
    server.seen.clear()
    assert not made.has_news("refs", cursor)
    listing = list(server.seen)
    assert not any("fetch" in path for path in listing)
    server.seen.clear()
    assert list(made.pull("refs", cursor=cursor, window=None)) == []
    assert server.seen == listing
    repo.commit("two", {"a": "2\n"})
    assert made.has_news("refs", cursor)


def test_forced_deleted_and_renamed_branches_are_followed(repo: Repo, home: Path):
    base = repo.commit("base", {"a": "1\n"})
    repo.git("branch", "topic")
    repo.commit("old", {"a": "2\n"})
    made = remote(f"file://{repo.path}", home)
    first = read(made)
    repo.git("reset", "-q", "--hard", base)
    new = repo.commit("new", {"a": "3\n"})
    repo.git("branch", "-m", "topic", "topic/sub")
    second = read(made, first.cursor)
    assert second.shas() == [new]
    rows = second.branches()
    assert {name: row["is_deleted"] for name, row in rows.items()} == {
        "main": False, "topic": True, "topic/sub": False
    }  # fmt: skip
    assert rows["main"]["head_sha"] == new


def test_what_a_forced_push_dropped_can_be_parsed_again(repo: Repo, home: Path):
    base = repo.commit("base", {"a": "1\n"})
    old = repo.commit("old", {"a": "2\n"})
    made = remote(f"file://{repo.path}", home)
    first = read(made)
    repo.git("reset", "-q", "--hard", base)
    repo.commit("new", {"a": "3\n"})
    read(made, first.cursor)
    parse(made, first)
    assert first.shas() == sorted([base, old])


def test_a_lost_mirror_is_fetched_again_when_it_is_needed(repo: Repo, home: Path):
    import shutil

    repo.commit("one", {"a": "1\n"})
    first = read(remote(f"file://{repo.path}", home))
    shutil.rmtree(home / "mirrors")
    parse(remote(f"file://{repo.path}", home), first)
    assert first.shas() == sorted(repo.shas())


def test_two_urls_of_one_instance_have_two_mirrors(repo: Repo, tmp_path: Path, home: Path):
    repo.commit("one", {"a": "1\n"})
    other = Repo(tmp_path / "other")
    sha = other.commit("other", {"b": "1\n"})
    cursor = read(remote(f"file://{repo.path}", home)).cursor
    found = read(remote(f"file://{other.path}", home), cursor)
    assert found.shas() == [sha]
    assert len(list((home / "mirrors").iterdir())) == 2


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_an_empty_remote_becomes_filled(repo: Repo, home: Path, server: Served, scheme: str):
    made = remote(f"file://{repo.path}" if scheme == "file" else server.url("work"), home)
    first = read(made)
    assert first.shas() == []
    assert not made.has_news("refs", first.cursor)
    sha = repo.commit("one", {"a": "1\n"})
    assert read(made, first.cursor).shas() == [sha]


def test_a_detached_remote_head_is_mirrored(repo: Repo, home: Path):
    repo.commit("one", {"a": "1\n"})
    repo.git("checkout", "-q", "--detach")
    lonely = repo.commit("two", {"a": "2\n"})
    made = remote(f"file://{repo.path}", home)
    found = read(made)
    assert lonely in found.shas()
    assert not made.has_news("refs", found.cursor)


def test_a_shallow_remote_is_mirrored_as_far_as_it_goes(repo: Repo, tmp_path: Path, home: Path):
    for number in range(5):
        repo.commit(f"{number}", {"a": f"{number}\n"})
    repo.git("clone", "-q", "--depth=2", f"file://{repo.path}", str(tmp_path / "shallow"))
    found = read(remote(f"file://{tmp_path}/shallow", home))
    assert len(found.shas()) == 2
    assert found["repositories"]["is_shallow"].to_list() == [True]
    assert found["commit_files"].height == 1


def test_sha256_remotes_are_mirrored(tmp_path: Path, home: Path):
    repo = Repo(tmp_path / "new", "--object-format=sha256")
    repo.commit("one", {"a": "1\n"})
    assert_same(repo, read(remote(f"file://{repo.path}", home)))


def test_other_refs_come_if_they_are_asked_for(repo: Repo, home: Path):
    repo.commit("one", {"a": "1\n"})
    repo.git("checkout", "-q", "--detach")
    sha = repo.commit("of a pull request", {"a": "2\n"})
    repo.git("update-ref", "refs/pull/7/head", sha)
    repo.git("checkout", "-q", "main")
    assert sha not in read(remote(f"file://{repo.path}", home)).shas()
    found = read(remote(f"file://{repo.path}", home, refs=["refs/heads", "refs/pull"]))
    assert sha in found.shas()
    assert found.branches()["pull/7/head"]["head_sha"] == sha


def test_a_path_that_is_a_url_is_taken_for_one(repo: Repo, home: Path):
    sha = repo.commit("one", {"a": "1\n"})
    assert read(source(f"file://{repo.path}", home)).shas() == [sha]


# ---------------------------------------------------------------- letting us in


def everything(home: Path, found: object) -> str:
    """Return all that was written or returned, as text."""
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    return repr(found) + "".join(content.decode("latin-1") for content in files)


def test_a_token_opens_the_door_and_is_kept_nowhere(
    repo: Repo, home: Path, server: Served, monkeypatch: pytest.MonkeyPatch
):
    sha = repo.commit("one", {"a": "1\n"})
    server.password = "s3cret-token"
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-token")
    made = remote(server.url("work"), home, user="bot", token="env:SHOP_TOKEN")
    found = read(made)
    assert found.shas() == [sha]
    assert set(server.authorized) == {"bot:s3cret-token"}
    rows = [frame.rows() for frame in found.tables.values()]
    pulled = [[one.payloads.rows(), one.cursor] for one in found.pulled]
    assert "s3cret" not in everything(home, [rows, pulled, found.units])


def test_credentials_in_a_url_work_and_are_taken_out_of_it(repo: Repo, home: Path, server: Served):
    sha = repo.commit("one", {"a": "1\n"})
    server.password = "p@ss"
    made = remote(server.url("work", "bot:p%40ss@"), home)
    found = read(made)
    assert found.shas() == [sha]
    assert "p%40ss" not in everything(home, [found, made.where, made.url])
    server.password = "changed"
    with pytest.raises(SourceAuthError) as caught:
        made.has_news("refs", found.cursor)
    assert "ss@" not in str(caught.value)
    assert "token" in caught.value.hint


def test_a_redirect_to_another_host_gets_no_token(
    repo: Repo, tmp_path: Path, home: Path, server: Served, monkeypatch: pytest.MonkeyPatch
):
    repo.commit("one", {"a": "1\n"})
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-token")
    server.password = "s3cret-token"
    with serving(tmp_path) as other:
        other.password = "other"
        server.location = f"http://localhost:{other.port}"
        with pytest.raises(SourceError):
            read(remote(server.url("work"), home, token="env:SHOP_TOKEN"))
        assert other.seen
        assert other.authorized == []


def test_no_password_means_no_hanging_question(repo: Repo, home: Path, server: Served):
    server.password = "closed"
    with pytest.raises(SourceAuthError):
        read(remote(server.url("work"), home))


@pytest.mark.parametrize(
    ("status", "page", "kind"),
    [
        (404, b"", SourceDataError),
        (403, b"", SourceAuthError),
        (429, b"", SourceThrottledError),
        (500, b"", SourceUnreachableError),
        (200, b"<html>Please sign in</html>", SourceAuthError),
        (200, b"<html>\n<body>Please sign in\n</html>\n", SourceDataError),
    ],
)
def test_what_a_server_answers_is_told_apart(
    home: Path, server: Served, status: int, page: bytes, kind: type[SourceError]
):
    server.status, server.page = status, page
    with pytest.raises(SourceError) as caught:
        read(remote(server.url("work"), home))
    assert type(caught.value) is kind
    assert caught.value.hint
    assert server.url("work") in caught.value.where


def test_a_dead_server_is_unreachable(home: Path):
    with pytest.raises(SourceUnreachableError):
        read(remote("http://127.0.0.1:9/work", home))


def test_a_repository_around_home_has_no_say(repo: Repo, tmp_path: Path):
    proof = tmp_path / "proof"
    sha = repo.commit("one", {"a": "1\n"})
    around = Repo(tmp_path / "around")
    around.git("config", f"url.file://{tmp_path}/elsewhere.insteadOf", f"file://{repo.path}")
    around.git("config", "core.sshCommand", f"touch {proof}")
    home = around.path / ".golive"
    assert read(remote(f"file://{repo.path}", home)).shas() == [sha]
    assert not proof.exists()


def test_doctor_asks_the_remote(repo: Repo, home: Path):
    repo.commit("one", {"a": "1\n"})
    states = {one.check: one.state for one in remote(f"file://{repo.path}", home).check()}
    assert states["remote"] == "ok"
