"""Report files that were handed in, on disk until they are in the lake: `.golive/uploads/<id>/`."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from golive_core.inbox import Delivery

KIND = "upload"
SAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_CHARACTERS = 120


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

    def forget(self, home: Path) -> None:
        """Remove its files."""
        shutil.rmtree(self.folder(home), ignore_errors=True)


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
