"""Whether a folder lies on a volume that this machine encrypts, as far as Linux tells."""

from __future__ import annotations

import os
from pathlib import Path

BLOCKS = Path("/sys/dev/block")
CRYPT = "CRYPT-"
"""How device-mapper names an encrypted mapping (dm-crypt, LUKS)."""


def is_encrypted(folder: Path, blocks: Path = BLOCKS) -> bool | None:
    """Tell whether a folder's volume is encrypted by dm-crypt; None where that cannot be told.

    A disk that encrypts itself, or a cloud's volume, looks like a plain one from here.
    """
    place = next((one for one in (folder, *folder.parents) if one.exists()), None)
    if place is None or not blocks.is_dir():
        return None
    number = place.stat().st_dev
    device = blocks / f"{os.major(number)}:{os.minor(number)}"
    return _has_crypt(device.resolve()) if device.exists() else None


def _has_crypt(device: Path) -> bool:
    """Tell whether a device, or one that it lies on (a partition, LVM), is encrypted."""
    name = device / "dm" / "uuid"
    if name.is_file() and name.read_text().startswith(CRYPT):
        return True
    below = device / "slaves"
    return below.is_dir() and any(_has_crypt(one.resolve()) for one in below.iterdir())
