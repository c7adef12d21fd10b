"""Backups: one state of everything below `.golive`, checked when it is made and when it is used.

`make` copies, `restore` puts back, `check` reads a backup from end to end. A backup is a file
(`.tar`) or a folder; a folder keeps many, and what did not change lies in it once.
"""

from golive_core.backup.make import make
from golive_core.backup.restore import check, restore
from golive_core.backup.shelf import Document, Entry, found_in

__all__ = ["Document", "Entry", "check", "found_in", "make", "restore"]
