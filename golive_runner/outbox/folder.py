"""Attempts on their way to a gateway: one folder a run, on disk before anything is sent.

    journal.jsonl     attempts as they ended, a line each; only added to
    run.json          where they go: url, and the query of the upload
    sent.json         how far they are there: bytes of the journal that were taken, and the end of
                      the batch that is under way
    report-N.jsonl    what is left once the run is over; `golive ingest` takes such files
    lock              held while anybody works here

A batch that may or may not have been taken is sent again with the same bytes, which the gateway
counts once. Nothing here needs more than the standard library: a suite runs in its own environment.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

BATCH_BYTES = 4 << 20
MOST_FILES = 500
"""Files of tests that tell batches apart; where one names more, all are read together."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The folder of one run."""

    folder: Path

    @property
    def journal(self) -> Path:
        """Attempts as they ended."""
        return self.folder / "journal.jsonl"

    def reports(self) -> list[Path]:
        """Return the reports of what was left, in order."""
        return sorted(self.folder.glob("report-*.jsonl"))

    def describe(self, url: str, query: Mapping[str, str]) -> None:
        """Write where this goes, making the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / "run.json", json.dumps({"url": url, "query": dict(query)}).encode())

    def described(self) -> tuple[str, dict[str, str]]:
        """Return url and query; empty where nobody wrote them."""
        said = _read(self.folder / "run.json")
        return str(said.get("url", "")), cast("dict[str, str]", said.get("query", {}))

    def held(self) -> IO[str] | None:
        """Return the lock, held until it is closed; None where somebody else holds it."""
        file = (self.folder / "lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def batch(self) -> tuple[int, bytes]:
        """Return the next batch and where it ends in the journal; no bytes where none is due.

        It is noted before it is given: after a crash the same one comes again.
        """
        state = _read(self.folder / "sent.json")
        start, end = int(state.get("taken", 0)), int(state.get("under_way", 0))
        if not self.journal.exists():
            return start, b""
        with self.journal.open("rb") as file:
            file.seek(start)
            lines = file.read(end - start if end > start else BATCH_BYTES)
        whole = lines[: lines.rfind(b"\n") + 1]
        if not whole:
            return start, b""
        self._note(start, start + len(whole))
        return start + len(whole), _headed(whole)

    def taken(self, end: int) -> None:
        """Note that the gateway has everything up to there."""
        self._note(end, 0)

    def _note(self, taken: int, under_way: int) -> None:
        _write(
            self.folder / "sent.json",
            json.dumps({"taken": taken, "under_way": under_way}).encode(),
        )

    def cut(self) -> int:
        """Turn what was not taken into reports; return how many attempts there are in them."""
        for number, body in enumerate(self._left(), start=len(self.reports()) + 1):
            _write(self.folder / f"report-{number:03}.jsonl", body)
        self.journal.unlink(missing_ok=True)
        (self.folder / "sent.json").unlink(missing_ok=True)
        return sum(one.read_bytes().count(b"\n") - 1 for one in self.reports())

    def _left(self) -> Iterator[bytes]:
        while True:
            end, body = self.batch()
            if not body:
                return
            yield body
            self.taken(end)

    def emptied(self) -> None:
        """Forget what was taken, all of it."""
        self.journal.unlink(missing_ok=True)
        (self.folder / "sent.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _headed(lines: bytes) -> bytes:
    """Return a report of the lines; its head names their files, so that others need no look.

    A line that was torn by a full disk is left out.
    """
    told = {line: file for line in lines.splitlines(keepends=True) if (file := _file_of(line))}
    files = sorted(set(told.values()))
    head = {"golive_attempts": 1, "engine": "pytest", "files": files[: MOST_FILES + 1]}
    return json.dumps(head).encode() + b"\n" + b"".join(told)


def _file_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["golive_attempt"]["file"])
    except (ValueError, KeyError, TypeError):
        return ""


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _write(path: Path, body: bytes) -> None:
    """Write a file whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(body)
    os.replace(draft, path)  # noqa: PTH105 - tests that fake paths do not reach it
