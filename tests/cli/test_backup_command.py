"""golive backup and golive restore as an operator uses them."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def shop(golive: Run, repository: Path) -> Path:
    """Return a folder with golive.toml and a lake of two commits and a report."""
    assert golive("init", cwd=repository).code == 0
    assert golive("ingest", cwd=repository).code == 0
    return repository


def test_the_drill_of_the_runbook(golive: Run, shop: Path, tmp_path: Path) -> None:
    count = ["sql", "select count(*) as n from core.commits", "--format", "json"]
    assert golive("backup", "../b", cwd=shop).code == 0
    done = golive("backup", "../b", "--keep", "1", "--json", cwd=shop)
    assert done.code == 0, done.err
    assert done.json["rows"] > 0
    assert done.json["new_bytes"] < done.json["size_bytes"] / 2
    listed = golive("backup", "../b", "--list", "--json", cwd=shop).json
    assert [one["backup"] for one in listed] == [done.json["backup"]]
    assert "is whole" in golive("restore", "../b", "--check", cwd=shop).err
    before = golive(*count, cwd=shop).json
    shutil.rmtree(shop / ".golive")
    (shop / "golive.toml").unlink()
    done = golive("restore", str(tmp_path / "b"), cwd=shop)
    assert done.code == 0, done.err
    assert golive(*count, cwd=shop).json == before == [{"n": 2}]
    assert (shop / "golive.toml").exists()


def test_wrong_use_is_told(golive: Run, shop: Path, tmp_path: Path) -> None:
    done = golive("restore", "../none", cwd=shop)
    assert (done.code, "filled already" in done.err or "no backup" in done.err) == (2, True)
    assert golive("backup", "../a.tar", cwd=shop).code == 0
    done = golive("restore", "../a.tar", cwd=shop)
    assert (done.code, "--force" in done.err) == (2, True)
    cut = tmp_path / "cut.tar"
    cut.write_bytes((tmp_path / "a.tar").read_bytes()[:5000])
    done = golive("restore", str(cut), "--force", cwd=shop)
    assert done.code == 1
    assert "Take another backup" in done.err
    with (shop / ".golive" / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = golive("restore", "../a.tar", "--force", cwd=shop)
    assert (done.code, "is up here" in done.err) == (2, True)
