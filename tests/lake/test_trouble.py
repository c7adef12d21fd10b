"""A full disk and a broken one: clear errors, nothing half done, nothing left lying about."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from golive_core.errors import LakeConflictError, LakeError, LakeFullError, LakeVersionError
from golive_core.lake import Lake, delta, manifest
from golive_core.lake.trouble import translate
from tests.lake.rows import builds, results

DAY = date(2024, 1, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """Mount a disk of two megabytes; skipped where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root: run the tests as root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def noise(rows: int) -> pl.DataFrame:
    """Return rows that cannot be compressed."""
    return builds(DAY, range(rows)).with_columns(
        parameters=pl.Series([os.urandom(500).hex() for _ in range(rows)])
    )


def test_a_full_disk_is_named_and_leaves_the_lake_as_it_was(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.merge("core.builds", builds(DAY, range(3)))
    before = sorted(small_disk.rglob("*.parquet"))
    with pytest.raises(LakeFullError, match="Free space") as raised:
        lake.merge("core.builds", noise(20_000))
    assert str(lake.root) in str(raised.value)
    assert sorted(small_disk.rglob("*.parquet")) == before
    assert lake.query("select count(*) from core.builds").item() == 3
    assert lake.merge("core.builds", builds(DAY, range(5))).new == 2


def test_a_disk_that_fills_up_while_the_log_is_written(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.merge("core.builds", builds(DAY, range(3)))
    staged = lake.stage("core.test_results", results(DAY, 10))
    ballast = small_disk / "ballast"
    fill(ballast)
    with pytest.raises(LakeError):
        lake.insert("core.test_results", staged)
    assert lake.query("select count(*) from core.test_results").item() == 0
    ballast.unlink()
    lake.insert("core.test_results", results(DAY, 10))
    assert lake.query("select count(*) from core.test_results").item() == 10


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


@pytest.mark.parametrize(
    "module_and_name", [(manifest, "write_json"), (delta, "apply"), (manifest, "publish")],
    ids=["promise", "delta", "manifest"],
)  # fmt: skip
def test_a_failing_step_of_the_commit_is_repeated_or_undone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, module_and_name: tuple[object, str]
) -> None:
    lake.merge("core.builds", builds(DAY, range(3)))

    def full(*_: object, **__: object) -> None:
        raise LakeFullError("no room left")

    with monkeypatch.context() as patch:
        patch.setattr(*module_and_name, full)
        with pytest.raises(LakeFullError):
            lake.merge("core.builds", builds(DAY, range(5)))
    assert lake.query("select count(*) from core.builds").item() == 3
    lake.merge("core.builds", builds(DAY, range(5)))
    assert lake.query("select count(*) from core.builds").item() == 5
    assert len(list(lake.root.rglob("*month=*/*.parquet"))) == 2


def test_a_file_that_somebody_deleted_is_named(lake: Lake) -> None:
    lake.merge("core.builds", builds(DAY, range(3)))
    (path,) = lake.root.rglob("*.parquet")
    path.unlink()
    with pytest.raises(LakeError, match=r"core\.builds"):
        lake.merge("core.builds", builds(DAY, range(3), status="failed"))
    with pytest.raises(LakeError, match=path.name):
        lake.query("select count(status) from core.builds")


def test_a_folder_that_cannot_be_written_is_an_error_of_the_lake(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where the lake should be")
    with pytest.raises(LakeError):
        Lake(tmp_path / "lake").merge("core.builds", builds(DAY, range(3)))


def test_library_errors_are_told_as_ours() -> None:
    from deltalake.exceptions import CommitFailedError, DeltaError

    full = translate(OSError(errno.ENOSPC, "No space left on device"), "here", "writing")
    quota = translate(DeltaError("Generic error: No space left on device (os error 28)"), "h", "w")
    newer = translate(
        DeltaError("Kernel error: Unsupported: Feature 'x' is not supported"), "here", "reading"
    )
    raced = translate(CommitFailedError("version 3 exists"), "here", "committing")
    kinds = [type(error) for error in (full, quota, newer, raced)]
    assert kinds == [LakeFullError, LakeFullError, LakeVersionError, LakeConflictError]


def test_errors_cross_process_boundaries(lake: Lake) -> None:
    script = (
        "import sys; from golive_core.lake import Lake; from golive_core.errors import LakeError\n"
        "try: Lake(sys.argv[1]).query('from core.nothing')\n"
        "except LakeError as error: print(type(error).__name__)"
    )
    command = [sys.executable, "-c", script, str(lake.root)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("QueryError\n", "")
