"""Bad places, bad repositories, hostile ones: a clear error and nothing executed or written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from made_repository import Repo, read, source

from golive_core.errors import (
    GoLiveError,
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceThrottledError,
    SourceUnreachableError,
)
from ingest import git_command, git_repository
from ingest.git_command import Git
from ingest.git_trouble import error_of
from ingest.registry import build
from ingest.source import Context, Instance


def failure(path: Path | str, home: Path, **options: object) -> SourceError:
    """Return the error that a pull ends with."""
    with pytest.raises(SourceError) as caught:
        read(source(path, home, **options))
    assert caught.value.hint
    assert "shop-git" in caught.value.where
    return caught.value


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path, home: Path):
    (tmp_path / "plain").mkdir()
    error = failure(tmp_path / "plain", home)
    assert isinstance(error, SourceDataError)
    assert "no Git repository" in str(error)
    assert str(tmp_path / "plain") in str(error)


def test_a_missing_folder_is_named(tmp_path: Path, home: Path):
    error = failure(tmp_path / "nowhere", home)
    assert isinstance(error, SourceUnreachableError)
    assert "no such folder" in str(error)


def test_a_file_is_no_folder(tmp_path: Path, home: Path):
    (tmp_path / "file").write_text("x")
    assert isinstance(failure(tmp_path / "file", home), SourceUnreachableError)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
def test_a_repository_of_somebody_else_names_the_way_out(
    repo: Repo, home: Path, own_settings: Path
):
    repo.commit("first", {"a": "1\n"})
    for path in (repo.path, repo.path / ".git"):
        os.chown(path, 12345, 12345)
    error = failure(repo.path, home)
    assert isinstance(error, SourceAuthError)
    command = f"git config --global --add safe.directory {repo.path}"
    assert command in error.hint
    with own_settings.open("a") as file:
        file.write(f"[safe]\n\tdirectory = {repo.path}\n")
    assert len(read(source(repo.path, home)).shas()) == 1


def test_git_that_is_not_installed_is_said_so(
    repo: Repo, home: Path, monkeypatch: pytest.MonkeyPatch
):
    git_command.version.cache_clear()
    made = source(repo.path, home)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SourceUnreachableError, match="git is not installed"):
        list(made.pull("refs", cursor=None, window=None))
    assert [one.state for one in made.check()] == ["failed"]
    monkeypatch.undo()
    git_command.version.cache_clear()


def test_git_that_is_too_old_is_said_so(
    repo: Repo, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.20.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    git_command.version.cache_clear()
    with pytest.raises(SourceUnreachableError, match=r"git 2\.20\.1 is too old.*2\.31"):
        list(source(repo.path, home).pull("refs", cursor=None, window=None))
    git_command.version.cache_clear()


def damage(repo: Repo, spec: str) -> None:
    """Remove an object, and the work tree that git would take its content from."""
    for file in repo.path.glob("*"):
        if file.is_file():
            file.unlink()
    sha = repo.text("rev-parse", spec)
    path = repo.path / ".git" / "objects" / sha[:2] / sha[2:]
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    path.unlink()


def test_a_commit_with_missing_contents_costs_its_counts_alone(repo: Repo, home: Path):
    shas = [repo.commit(f"{n}", {f"file{n}": f"{n}\n"}) for n in range(6)]
    damage(repo, f"{shas[2]}:file2")
    damage(repo, f"{shas[4]}:file4")
    found = read(source(repo.path, home))
    assert found.shas() == sorted(shas)
    assert sorted(reject.content for reject in found.rejects) == sorted([shas[2], shas[4]])
    assert "damaged" in found.rejects[0].reason
    assert found.commit(shas[2])["files_changed"] is None
    assert found.commit(shas[3])["files_changed"] == 1
    assert set(found["commit_files"]["sha"]) == set(shas) - {shas[2], shas[4]}


def test_a_missing_tree_costs_its_commits_alone(repo: Repo, home: Path):
    shas = [repo.commit(f"{n}", {f"{n}/file": f"{n}\n"}) for n in range(4)]
    damage(repo, f"{shas[3]}:3")
    found = read(source(repo.path, home))
    assert found.shas() == sorted(shas)
    assert [reject.content for reject in found.rejects] == [shas[3]]


def test_a_hole_in_the_history_is_an_error_with_the_way_out(repo: Repo, home: Path):
    shas = [repo.commit(f"{n}", {"a": f"{n}\n"}) for n in range(3)]
    damage(repo, shas[1])
    error = failure(repo.path, home)
    assert isinstance(error, SourceDataError)
    assert "fsck" in error.hint


def test_a_repository_of_holes_is_given_up(repo: Repo, home: Path, monkeypatch: pytest.MonkeyPatch):
    shas = [repo.commit(f"{n}", {f"file{n}": f"{n}\n"}) for n in range(6)]
    for number, sha in enumerate(shas):
        damage(repo, f"{sha}:file{number}")
    monkeypatch.setattr(git_repository, "FAILURES", 3)
    error = failure(repo.path, home)
    assert "failed at 3 commits" in str(error)


def test_a_partial_clone_is_not_completed_behind_its_owners_back(
    repo: Repo, tmp_path: Path, home: Path
):
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit("one", {"a": "1\n"})
    repo.commit("two", {"a": "2\n"})
    url, path = f"file://{repo.path}", tmp_path / "partial"
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(path))
    clone = Repo(path, make=False)
    before = clone.snapshot()
    found = read(source(path, home))
    assert clone.snapshot() == before
    assert found.shas() == sorted(repo.shas())
    assert len(found.rejects) == 2
    assert "partial" in found.rejects[0].reason
    states = {finding.check: finding.state for finding in source(path, home).check()}
    assert states["contents"] == "warning"


def test_no_setting_or_hook_of_a_repository_runs_anything(
    repo: Repo, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    proof = tmp_path / "proof"
    script = tmp_path / "evil"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {proof}\nexit 0\n')
    script.chmod(0o755)
    repo.commit("first", {"a.evil": "1\n", ".gitattributes": "*.evil diff=evil filter=evil\n"})
    repo.commit("second", {"a.evil": "2\n"})
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass",
        "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean",
        "filter.evil.smudge", "gpg.program", "core.alternateRefsCommand", "credential.helper",
        "core.gitProxy", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        repo.git("config", key, str(script))
    repo.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    repo.git("config", "alias.rev-list", f"!{script}")
    repo.git("config", "log.showSignature", "true")
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        (tmp_path / "hooks" / hook).symlink_to(script)
    proof.unlink(missing_ok=True)
    made = source(repo.path, home)
    found = read(made)
    list(made.check())
    assert found.files(repo.shas()[0])["a.evil"]["insertions"] == 1
    assert not proof.exists(), proof.read_text()


def test_reading_writes_nothing_into_the_repository(repo: Repo, home: Path):
    repo.commit("first", {"a": "1\n"})
    repo.git("tag", "-a", "v1", "-m", "one")
    before = repo.snapshot()
    made = source(repo.path, home)
    found = read(made)
    made.has_news("refs", found.cursor)
    list(made.check())
    assert repo.snapshot() == before
    assert not (home / "mirrors").exists()


def test_variables_of_a_hook_do_not_lead_elsewhere(
    repo: Repo, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    other = Repo(tmp_path / "other")
    other.commit("other", {"b": "1\n"})
    sha = repo.commit("first", {"a": "1\n"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert read(source(repo.path, home)).shas() == [sha]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: Authentication failed for 'https://h/r'", SourceAuthError),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled",
         SourceAuthError),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
         SourceAuthError),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403",
         SourceAuthError),
        ("error: RPC failed; The requested URL returned error: 429", SourceThrottledError),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", SourceUnreachableError),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 503",
         SourceUnreachableError),
        ("ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote",
         SourceUnreachableError),
        ("fatal: repository 'https://h/r/' not found", SourceDataError),
        ("fatal: something nobody has seen before", SourceDataError),
        ("", SourceDataError),
    ],
)  # fmt: skip
def test_words_of_git_become_errors_with_a_next_step(said: str, kind: type[SourceError]):
    error = error_of(said, "shop-git: https://h/r", "fetch")
    assert type(error) is kind
    assert error.hint


def test_errors_hold_no_credentials():
    said = "fatal: Authentication failed for 'https://bot:s3cret@h/r' and https://s3cret@h/r"
    assert "s3cret" not in str(error_of(said, "shop-git", "fetch"))


def test_a_killed_git_is_no_fault_of_the_repository(repo: Repo):
    repo.commit("first", {"a": "1\n"})
    error = git_command.GitDiedError("", "shop-git", "diff-tree", -9).as_source_error()
    assert isinstance(error, SourceUnreachableError)
    assert "signal 9" in str(error)


def test_git_is_ended_with_its_reader(repo: Repo, home: Path):
    repo.commit("first", {"a": "1\n"})
    made = source(repo.path, home)
    units = read(made).units
    parsing = made.parse(units[1])
    next(parsing)
    parsing.close()
    spool = Git("shop-git", ("-C", str(repo.path))).spool("cat-file", "--batch", stdin=b"HEAD\n")
    assert b"first" in b"".join(spool.chunks())
    spool.close()


@pytest.mark.parametrize(
    "options",
    [
        {"path": ".", "url": "https://h/r"},
        {"url": "ext::sh -c evil"},
        {"url": "--upload-pack=evil"},
        {"url": "ftp://h/r"},
        {"path": "ext::sh -c evil://x"},
        {"refs": ["main"]},
        {"refs": ["refs/heads/*"]},
        {"refs": []},
        {"branch": "main"},
    ],
)
def test_options_that_make_no_sense_are_refused(home: Path, options: dict[str, object]):
    instance = Instance("shop-git", "git", "shop", options)
    with pytest.raises(GoLiveError) as caught:
        build(instance, Context(home=home, base=home.parent))
    assert caught.value.exit_code == 2
    assert "evil" not in str(caught.value)


def test_doctor_tells_what_is_amiss(repo: Repo, tmp_path: Path, home: Path):
    repo.commit("first", {"a": "1\n"})
    repo.now = 4_000_000_000
    repo.commit("from the future", {"a": "2\n"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(tmp_path / "shallow"))
    states = {one.check: one.state for one in source(repo.path, home).check()}
    assert states == {"git": "ok", "refs": "ok", "clock": "warning"}
    shallow = {one.check: one for one in source(tmp_path / "shallow", home).check()}
    assert shallow["history"].state == "warning"
    assert "--unshallow" in shallow["history"].hint
    (missing,) = [one for one in source(tmp_path / "no", home).check() if one.state == "failed"]
    assert "no such folder" in missing.detail
