"""Report files that were handed in, on disk until they are in the lake: `.golive/uploads/<id>/`.

Where gateways share a database, the files go through it in pieces: whoever takes uploads into the
lake may run on another machine than the gateway that was given them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from golive_core.database import Connection, opened
from golive_core.database.place import url_of
from golive_core.inbox import Delivery, Inbox

KIND = "upload"
SAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_CHARACTERS = 120
PIECE_BYTES = 8 << 20
SCHEMA = """
create table if not exists uploads (upload_id text primary key, put_at real not null) strict;
create table if not exists upload_pieces (
    upload_id text not null, name text not null, number integer not null, body blob not null,
    primary key (upload_id, name, number)
) strict;
"""
PIECES = "select name, number from upload_pieces where upload_id = ? order by name, number"
PIECE = "select body from upload_pieces where upload_id = ? and name = ? and number = ?"
PUT = "insert into upload_pieces values (?, ?, ?, ?)"
ORPHANS = """
delete from uploads where put_at < ? and upload_id not in (select delivery_id from deliveries)
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """Files of one project and build; `options` are those of a source of reports."""

    upload_id: str
    project_id: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    def folder(self, home: Path) -> Path:
        """Return where its files are."""
        return home / "uploads" / self.upload_id

    def delivery(self) -> Delivery:
        """Return it as the inbox keeps it."""
        body = {"project_id": self.project_id, "options": dict(self.options)}
        return Delivery(
            f"uploads:{self.project_id}", self.upload_id, KIND, json.dumps(body).encode()
        )

    @classmethod
    def of(cls, delivery: Delivery) -> Upload:
        """Return the upload of a delivery."""
        said = json.loads(delivery.body)
        return cls(delivery.delivery_id, said["project_id"], said["options"])

    def share(self, home: Path) -> bool:
        """Put the files where others find them; tell whether they were there already.

        Without a database they stay where they are. Raises GoLiveError if it cannot be written.
        """
        if not url_of(home):
            return False
        folder = self.folder(home)
        with opened(home, SCHEMA, what="the uploads") as db:
            cells = (self.upload_id, time.time())
            done = db.execute("insert into uploads values (?, ?) on conflict do nothing", cells)
            if done.rowcount:
                for path in sorted(folder.iterdir()):
                    for number, piece in enumerate(_pieces(path)):
                        db.execute(PUT, (self.upload_id, path.name, number, piece))
        shutil.rmtree(folder, ignore_errors=True)
        return not done.rowcount

    def fetch(self, home: Path) -> Path:
        """Return the folder with its files, from the database where they are not here."""
        folder = self.folder(home)
        if url_of(home) and not folder.exists():
            draft = folder.with_name(f".draft-{self.upload_id}")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            with opened(home, SCHEMA, what="the uploads") as db:
                self._write(db, draft)
            draft.rename(folder)
        return folder

    def _write(self, db: Connection, folder: Path) -> None:
        found = db.execute(PIECES, (self.upload_id,)).fetchall()
        for name, pieces in groupby(found, key=lambda row: str(row[0])):
            with (folder / name).open("wb") as file:
                for row in pieces:
                    file.write(db.execute(PIECE, (self.upload_id, *row)).fetchone()[0])

    def forget(self, home: Path) -> None:
        """Remove its files."""
        shutil.rmtree(self.folder(home), ignore_errors=True)
        if url_of(home):
            with opened(home, SCHEMA, what="the uploads") as db:
                for table in ("upload_pieces", "uploads"):
                    db.execute(f"delete from {table} where upload_id = ?", (self.upload_id,))  # noqa: S608 - names of ours


def prune(home: Path, *, before: float) -> None:
    """Forget files in the database that no delivery speaks of: their gateway was killed."""
    if url_of(home):
        Inbox(home).depth()  # its tables are there then
        with opened(home, SCHEMA, what="the uploads") as db:
            db.execute(ORPHANS, (before,))
            db.execute(
                "delete from upload_pieces where upload_id not in (select upload_id from uploads)"
            )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def safe_name(name: str, number: int) -> str:
    """Return a file name without any path in it; the number keeps names apart."""
    last = name.replace("\\", "/").rpartition("/")[2]
    word = SAFE.sub("_", last).lstrip(".")[-NAME_CHARACTERS:] or "report.xml"
    return f"{number}-{word}"


def sync(folder: Path) -> None:
    """Have the files of a folder, and the folder, on disk."""
    for path in [*folder.iterdir(), folder, folder.parent]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
