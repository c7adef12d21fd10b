"""Backups: a drill that wipes everything, and every way in which a backup can be wrong."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from golive_core import backup
from golive_core.accounts import Accounts
from golive_core.artifacts import ArtifactStore
from golive_core.errors import BackupError, UsageError
from golive_core.inbox import Inbox
from golive_core.lake import Lake
from tests.lake.rows import builds, results
from tests.operation.conftest import MONDAY, TUESDAY

TABLES = ("core.test_results", "core.builds", "marts.sample")


def state(home: Path) -> dict[str, object]:
    """Return everything that a restored home has to show again."""
    lake = Lake(home / "lake")
    store = ArtifactStore(home)
    return {
        "versions": dict(lake.manifest().tables),
        "rows": {name: sorted(rows_of(lake, name), key=str) for name in TABLES},
        "history": {name: lake.history(name).rows() for name in TABLES},
        "since": lake.kept_since(),
        "bodies": sorted(
            (path.parent.name + path.stem, store.get(path.parent.name + path.stem))
            for path in store.root.glob("*/*.gz")
        ),
        "deliveries": [one.delivery_id for one in Inbox(home).waiting()],
        "users": [(one.name, one.role) for one in Accounts(home).all()],
        "model": (home / "models" / "one.skops").read_bytes(),
    }  # fmt: skip


def rows_of(lake: Lake, table: str) -> list[tuple[object, ...]]:
    return lake.query(f"select * from {table}").rows()


@pytest.mark.parametrize("name", ["all.tar", "backups"])
def test_a_drill_everything_is_wiped_and_comes_back(
    filled: Path, tmp_path: Path, name: str
) -> None:
    before = state(filled)
    made, _ = backup.make(filled, tmp_path / name)
    shutil.rmtree(filled)
    backup.restore(tmp_path / name, filled, tmp_path)
    assert state(filled) == before
    assert made.tables["core.test_results"] == (0, 50)
    assert Accounts(filled).check("ada", "correct horse battery")
    assert not list(filled.glob(".re*"))


def test_a_restored_lake_goes_on_and_shows_the_past(filled: Path, tmp_path: Path) -> None:
    lake = Lake(filled / "lake")
    then = datetime.now(UTC)
    time.sleep(0.001)
    lake.merge("core.builds", builds(TUESDAY, range(5, 9)))
    backup.make(filled, tmp_path / "b")
    shutil.rmtree(filled)
    backup.restore(tmp_path / "b", filled, tmp_path)
    restored = Lake(filled / "lake")
    count = "select count(*) from core.builds"
    assert (restored.query(count, as_of=then).item(), restored.query(count).item()) == (3, 7)
    assert restored.merge("core.builds", builds(TUESDAY, range(5, 10))).new == 1
    restored.vacuum(timedelta(0))
    assert restored.query(count).item() == 8


def test_a_second_backup_into_the_folder_copies_what_is_new_alone(
    filled: Path, tmp_path: Path
) -> None:
    first, bytes_first = backup.make(filled, tmp_path / "b")
    Lake(filled / "lake").merge("core.builds", builds(TUESDAY, range(9, 10)))
    second, bytes_second = backup.make(filled, tmp_path / "b")
    before = {entry.sha for entry in first.entries}
    fresh = {entry.sha: entry.size for entry in second.entries if entry.sha not in before}
    assert bytes_second == sum(fresh.values()) < bytes_first / 2
    assert not [e for e in second.entries if e.sha in fresh and e.path.startswith("artifacts")]
    assert [one.backup_id for one in backup.found_in(tmp_path / "b")] == [
        first.backup_id, second.backup_id,
    ]  # fmt: skip
    shutil.rmtree(filled)
    backup.restore(tmp_path / "b", filled, tmp_path, backup_id=first.backup_id)
    assert Lake(filled / "lake").rows("core.builds") == 3


def test_old_backups_of_a_folder_go_with_what_only_they_had(filled: Path, tmp_path: Path) -> None:
    lake, place = Lake(filled / "lake"), tmp_path / "b"
    backup.make(filled, place)
    lake.overwrite("core.builds", builds(TUESDAY, range(1)))
    lake.vacuum(timedelta(0))
    last, _ = backup.make(filled, place, keep=1)
    assert [one.backup_id for one in backup.found_in(place)] == [last.backup_id]
    assert len(list((place / "objects").glob("*/*"))) == len({e.sha for e in last.entries})
    assert backup.check(place) == last


def test_a_backup_while_others_write_shows_one_state(filled: Path, tmp_path: Path) -> None:
    """Each transaction adds one build and one result; a copy in between has as many of both."""
    lake, stop = Lake(filled / "lake"), threading.Event()
    done = [0]

    def write() -> None:
        while not stop.is_set():
            done[0] += 1
            with lake.transaction() as txn:
                txn.merge("core.builds", builds(TUESDAY, range(100 + done[0], 101 + done[0])))
                txn.insert("core.test_results", results(TUESDAY, 1, build=f"ci#{100 + done[0]}"))

    writer = threading.Thread(target=write)
    writer.start()
    made: list[backup.Document] = []
    try:
        while len({one.lake for one in made}) < 4:
            made.append(backup.make(filled, tmp_path / "b")[0])
            time.sleep(0.01)
    finally:
        stop.set()
        writer.join()
    for number, one in enumerate(made):
        home = tmp_path / f"home{number}"
        backup.restore(tmp_path / "b", home, tmp_path, backup_id=one.backup_id)
        restored = Lake(home / "lake")
        count = (
            "select (select count(*) from core.builds), (select count(*) from core.test_results)"
        )
        built, found = restored.query(count).row(0)
        assert built - 3 == found - 50
        assert restored.version() == one.lake


def test_a_vacuum_waits_for_a_backup(filled: Path) -> None:
    lake = Lake(filled / "lake")
    with lake.pinned() as pin:
        lake.merge("core.builds", builds(MONDAY, range(3), status="error"))
        other = multiprocessing.get_context("spawn").Process(
            target=lake.vacuum, args=(timedelta(0),)
        )
        other.start()
        other.join(2)
        assert other.is_alive()
        assert all((lake.root / name).exists() for name in pin.files)
    other.join(60)
    assert other.exitcode == 0
    assert not all((lake.root / name).exists() for name in pin.files)


SLOWLY = """
import os, sys, time
from pathlib import Path
from golive_core import backup
from golive_core.backup import shelf

kind = getattr(shelf, sys.argv[3])
put = kind.put
def slow(self, path, content, size):
    print(path, flush=True)
    time.sleep(0.05)
    return put(self, path, content, size)
kind.put = slow
backup.make(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("name", "kind"), [("x.tar", "TarShelf"), ("x", "FolderShelf")])
def test_a_killed_backup_is_none(filled: Path, tmp_path: Path, name: str, kind: str) -> None:
    place = tmp_path / name
    child = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(filled), str(place), kind],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout
    for _ in range(6):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with pytest.raises((BackupError, UsageError), match="no backup"):
        backup.restore(place, tmp_path / "other", tmp_path)
    if kind == "FolderShelf":
        left = len(list(place.glob("objects/*/*")))
        assert left, "what was copied stays for the next one"
    made, _ = backup.make(filled, place)
    assert backup.check(place) == made


def broken(source: Path, home: Path, match: str) -> None:
    """See a backup refused, and a filled home left as it was."""
    before = listed(home)
    with pytest.raises(BackupError, match=match):
        backup.restore(source, home, home.parent, force=True)
    assert listed(home) == before


def listed(home: Path) -> list[Path]:
    """Return the files of a home, without those that SQLite makes and removes as it likes."""
    return sorted(path for path in home.rglob("*") if not path.name.endswith(("-wal", "-shm")))


def test_a_truncated_file_is_refused_wherever_it_ends(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "a.tar")
    whole = (tmp_path / "a.tar").read_bytes()
    for share in (0.05, 0.3, 0.62, 0.9, 0.97):
        (tmp_path / "cut.tar").write_bytes(whole[: int(len(whole) * share)])
        broken(tmp_path / "cut.tar", filled, "cut off|to its end")


def test_a_changed_byte_is_found(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as tar:
        data = next(one for one in tar if one.name.endswith("one.skops"))
        place = data.offset_data
    body = bytearray((tmp_path / "a.tar").read_bytes())
    body[place] ^= 1
    (tmp_path / "a.tar").write_bytes(body)
    broken(tmp_path / "a.tar", filled, "one.skops is damaged")


def test_a_folder_that_lost_a_content_is_refused(filled: Path, tmp_path: Path) -> None:
    made, _ = backup.make(filled, tmp_path / "b")
    entry = next(one for one in made.entries if one.path.startswith("artifacts/"))
    (tmp_path / "b" / "objects" / entry.sha[:2] / entry.sha[2:]).unlink()
    broken(tmp_path / "b", filled, "is missing")


def test_the_next_backup_mends_a_content_that_was_cut(filled: Path, tmp_path: Path) -> None:
    made, _ = backup.make(filled, tmp_path / "b")
    entry = next(one for one in made.entries if one.path.startswith("artifacts/"))
    (tmp_path / "b" / "objects" / entry.sha[:2] / entry.sha[2:]).write_bytes(b"")
    made, _ = backup.make(filled, tmp_path / "b")
    assert backup.check(tmp_path / "b") == made


def test_a_content_that_rotted_is_told_and_mended(filled: Path, tmp_path: Path) -> None:
    made, _ = backup.make(filled, tmp_path / "b")
    entry = next(one for one in made.entries if one.path.startswith("artifacts/"))
    place = tmp_path / "b" / "objects" / entry.sha[:2] / entry.sha[2:]
    place.write_bytes(bytes(entry.size))
    with pytest.raises(BackupError, match=f"Remove .*{entry.sha[2:]}, then take"):
        backup.check(tmp_path / "b")
    place.unlink()
    backup.make(filled, tmp_path / "b")
    backup.check(tmp_path / "b", backup_id=made.backup_id)


def test_a_damaged_list_does_not_stop_the_next_backup(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "b")
    (document,) = (tmp_path / "b" / "backups").glob("*.json")
    document.write_text("{")
    made, _ = backup.make(filled, tmp_path / "b")
    assert backup.check(tmp_path / "b") == made


def test_a_file_keeps_one_backup(filled: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keeps one backup"):
        backup.make(filled, tmp_path / "a.tar", keep=2)


CUT = """
import os, signal, sys
from pathlib import Path
from golive_core import backup

rename, left = Path.rename, [4]
def cut(self, target):
    if ".re" in str(self) + str(target):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = cut
backup.restore(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[2]).parent, force=True)
"""


def test_a_restore_that_is_killed_is_told_and_repeated(filled: Path, tmp_path: Path) -> None:
    from golive_core.backup.contents import unfinished

    before = state(filled)
    backup.make(filled, tmp_path / "b")
    child = subprocess.run(
        [sys.executable, "-c", CUT, str(tmp_path / "b"), str(filled)], check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert unfinished(filled)
    backup.restore(tmp_path / "b", filled, tmp_path, force=True)
    assert state(filled) == before
    assert unfinished(filled) == []
    assert not list(filled.glob(".re*"))


def test_an_edited_list_of_contents_is_refused(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "b")
    (document,) = (tmp_path / "b" / "backups").glob("*.json")
    document.write_text(document.read_text().replace('"core.builds":[1,3]', '"core.builds":[1,4]'))
    broken(tmp_path / "b", filled, "was changed")


def test_an_entry_that_leads_elsewhere_is_refused(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "a.tar")
    outside = tmp_path / "outside"
    with tarfile.open(tmp_path / "a.tar", "a") as tar:
        info = tarfile.TarInfo("files/../../outside")
        tar.addfile(info)
    broken(tmp_path / "a.tar", filled, "leads elsewhere")
    assert not outside.exists()


def test_a_filled_home_is_replaced_only_by_force(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "b")
    Lake(filled / "lake").merge("core.builds", builds(TUESDAY, range(9, 10)))
    (filled / "later.txt").write_text("of a later time")
    with pytest.raises(UsageError, match="filled already"):
        backup.restore(tmp_path / "b", filled, tmp_path)
    backup.restore(tmp_path / "b", filled, tmp_path, force=True)
    assert Lake(filled / "lake").rows("core.builds") == 3
    assert not (filled / "later.txt").exists()
    assert (filled / "logs" / "gateway.log").exists()


def test_the_lake_alone_leaves_everything_else(filled: Path, tmp_path: Path) -> None:
    made, _ = backup.make(filled, tmp_path / "lake.tar", lake_only=True)
    assert all(entry.path.startswith("lake/") for entry in made.entries)
    Accounts(filled).add("bob", "viewer", "another long password")
    Lake(filled / "lake").overwrite("core.builds", builds(TUESDAY, range(1)))
    backup.restore(tmp_path / "lake.tar", filled, tmp_path, force=True)
    assert Lake(filled / "lake").rows("core.builds") == 3
    assert {one.name for one in Accounts(filled).all()} == {"ada", "bob"}


@pytest.mark.parametrize("name", ["in.tar", "inside"])
def test_a_backup_inside_of_its_home_is_refused(filled: Path, name: str) -> None:
    with pytest.raises(UsageError, match="lost with it"):
        backup.make(filled, filled / name)


def test_nothing_is_written_over(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "a.tar")
    with pytest.raises(UsageError, match="is there already"):
        backup.make(filled, tmp_path / "a.tar")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        backup.make(filled, tmp_path / "file")


def test_a_backup_is_for_its_owner_alone(filled: Path, tmp_path: Path) -> None:
    backup.make(filled, tmp_path / "a.tar")
    backup.make(filled, tmp_path / "b")
    assert (tmp_path / "a.tar").stat().st_mode & 0o077 == 0
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


def test_a_full_disk_is_told_and_leaves_no_backup(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from golive_core.backup import shelf

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shelf, "_publish", full)
    with pytest.raises(BackupError, match="no room left"):
        backup.make(filled, tmp_path / "a.tar")
    assert list(tmp_path.glob("*a.tar*")) == []


def test_an_empty_home_has_nothing_to_lose(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to save"):
        backup.make(tmp_path / "none", tmp_path / "a.tar")
    (tmp_path / "home").mkdir()
    made, _ = backup.make(tmp_path / "home", tmp_path / "a.tar")
    assert made.tables == {}
    backup.restore(tmp_path / "a.tar", tmp_path / "new", tmp_path)
