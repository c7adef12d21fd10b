"""An encrypted volume is told from the tree that Linux shows of its devices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from golive_core.volume import is_encrypted


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Return the folder of the device that tmp_path lies on, in a tree of its own."""
    number = tmp_path.stat().st_dev
    made = tmp_path / "block" / f"{os.major(number)}:{os.minor(number)}"
    made.mkdir(parents=True)
    return made


def told(tmp_path: Path) -> bool | None:
    return is_encrypted(tmp_path / "home" / "lake", tmp_path / "block")


def test_a_plain_disk_is_not(device: Path, tmp_path: Path) -> None:
    assert told(tmp_path) is False


def test_a_crypt_mapping_is(device: Path, tmp_path: Path) -> None:
    (device / "dm").mkdir()
    (device / "dm" / "uuid").write_text("CRYPT-LUKS2-0f-root\n")
    assert told(tmp_path) is True


def test_what_lies_on_a_crypt_mapping_is(device: Path, tmp_path: Path) -> None:
    lower = tmp_path / "dm-0"
    (lower / "dm").mkdir(parents=True)
    (lower / "dm" / "uuid").write_text("CRYPT-LUKS2-0f-root\n")
    (device / "dm").mkdir()
    (device / "dm" / "uuid").write_text("LVM-x\n")
    (device / "slaves").mkdir()
    (device / "slaves" / "dm-0").symlink_to(lower)
    assert told(tmp_path) is True


def test_without_such_a_tree_it_cannot_be_told(tmp_path: Path) -> None:
    assert is_encrypted(tmp_path, tmp_path / "none") is None
    (tmp_path / "block").mkdir()
    assert told(tmp_path) is None
