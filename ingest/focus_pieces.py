"""What cost exports hold: their content in the artifact store, and pieces of it as frames.

What the columns mean is the business of `ingest/parse/focus.py`.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO, cast
from weakref import finalize

import polars as pl

from golive_core.artifacts import ArtifactStore
from golive_core.errors import ReportError
from ingest.parse import focus
from ingest.parse.focus import ROW, WANTED
from ingest.source import Reject

PIECE_BYTES = 4 << 20
"""Bytes of CSV that are parsed together."""
PIECE_ROWS = 50_000
"""Rows of Parquet that are parsed together."""
LONGEST = 16 * PIECE_BYTES
"""Bytes after which a record has to end."""
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
CUT = (EOFError, zlib.error, gzip.BadGzipFile)
Record = tuple[int, str]
"""The line (of CSV) or row (of Parquet) of a record, from 1, and its text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one file: bytes of the unpacked CSV from `start`, or rows of the Parquet.

    `line` is the number of the first line (CSV), `row` that of the first row, from 0.
    """

    start: int
    size: int
    row: int
    line: int = 0


class Bodies:
    """Stored exports. They are unpacked into files, the last two stay as long as this object."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._folder = Path()
        self._paths: list[Path] = []

    def take(self, path: Path) -> tuple[str, str, int]:
        """Store a file, unpacked, and return its SHA-256, form (csv or parquet) and size.

        Raises ReportError for a file that was cut off, OSError for one that cannot be read.
        """
        with path.open("rb") as raw:
            stream = _unzipped(raw)
            try:
                form = "parquet" if _starts(stream, PARQUET) else "csv"
                sha, size = self._store.put_stream(stream)
            except CUT as error:
                raise ReportError(f"the file is cut off ({error})", path=str(path)) from error
        return sha, form, size

    def pieces(self, sha: str, form: str, uri: str) -> list[Piece]:
        """Return the pieces that a stored file falls into; raises ReportError if it is no export.

        Every row of a piece has a number from the piece's `row` on that no other row has.
        """
        if form == "parquet":
            return self._row_pieces(sha, uri)
        with self._path(sha).open("rb") as stream:
            line, pieces = csv_pieces(stream, uri)
        if why := focus.lacking(focus.header(line)[0]):
            raise ReportError(why, path=uri, line=1)
        return pieces

    def frame(
        self, sha: str, form: str, piece: Piece, uri: str
    ) -> tuple[pl.DataFrame, list[Reject], Callable[[], list[Record]]]:
        """Return the wanted columns of a piece, what is no record, and a function to quote it."""
        if form == "parquet":
            frame = self._scan(sha).slice(piece.start, piece.size).collect(engine="streaming")
            return frame.with_row_index(ROW), [], lambda: _told(frame, piece.row)
        with self._path(sha).open("rb") as stream:
            names, separator = focus.header(stream.readline(LONGEST))
            stream.seek(piece.start)
            body = stream.read(piece.size)
        frame, rejects = focus.read_csv(names, separator, body, uri, piece.line)
        return (
            frame,
            rejects,
            lambda: [
                (line, separator.join(cells))
                for line, cells in focus.records(body, separator, piece.line)
            ],
        )

    def months(self, sha: str, form: str, uri: str) -> pl.DataFrame:
        """Return `row` and `month` (202409) of every charge in a stored file."""
        found = [
            focus.months(self.frame(sha, form, one, uri)[0], one.row)
            for one in self.pieces(sha, form, uri)
        ]
        return pl.concat([pl.DataFrame(schema={"month": pl.Int32, "row": pl.Int64}), *found])

    def _row_pieces(self, sha: str, uri: str) -> list[Piece]:
        try:
            names = pl.scan_parquet(self._path(sha)).collect_schema().names()
            if why := focus.lacking(names):
                raise ReportError(why, path=uri)
            rows = pl.scan_parquet(self._path(sha)).select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise ReportError(f"not a whole Parquet file ({reason})", path=uri) from error
        return [Piece(at, PIECE_ROWS, at) for at in range(0, rows, PIECE_ROWS)]

    def _scan(self, sha: str) -> pl.LazyFrame:
        scan = pl.scan_parquet(self._path(sha))
        names = scan.collect_schema().names()
        return scan.select([name for name in names if name in WANTED])

    def _path(self, sha: str) -> Path:
        if not self._paths:
            self._folder = Path(mkdtemp(prefix="golive-focus-"))
            finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / sha
        if path not in self._paths:
            with self._store.open(sha) as body, path.open("wb") as out:
                while chunk := body.read(1 << 20):
                    out.write(chunk)
            self._paths.append(path)
            if len(self._paths) > 2:  # noqa: PLR2004 - a file and what it was before
                self._paths.pop(0).unlink()
        return path


def csv_pieces(stream: BinaryIO, uri: str) -> tuple[bytes, list[Piece]]:
    """Return the header line of a CSV and the pieces that its records fall into.

    Raises ReportError for a record without an end.
    """
    header = stream.readline(LONGEST)
    pieces: list[Piece] = []
    start, row, line = len(header), 0, 2
    buffer = b""
    while True:
        block = stream.read(PIECE_BYTES)
        buffer += block
        cut = end_of_record(buffer) if block else len(buffer)
        if cut:
            pieces.append(Piece(start, cut, row, line))
            lines, records = counted(buffer[:cut])
            start, row, line = start + cut, row + records, line + lines
            buffer = buffer[cut:]
        if not block:
            return header, pieces
        if len(buffer) > LONGEST:
            raise ReportError("a quoted text does not end", path=uri, line=line)


def end_of_record(buffer: bytes) -> int:
    """Return where the last whole record of the buffer ends: a newline outside of quotes."""
    at = buffer.rfind(b"\n") + 1
    quotes = buffer.count(b'"', 0, at)
    while at and quotes % 2:
        before = buffer.rfind(b"\n", 0, at - 1) + 1
        quotes -= buffer.count(b'"', before, at)
        at = before
    return at


def counted(piece: bytes) -> tuple[int, int]:
    """Return how many lines and how many records, at most, a piece has."""
    lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    inside = sum(part.count(b"\n") for part in piece.split(b'"')[1::2]) if b'"' in piece else 0
    return lines, lines - inside


def head_trouble(path: Path) -> str:
    """Return why a file is no cost export by its first bytes, empty if it may be one."""
    try:
        with path.open("rb") as raw:
            stream = _unzipped(raw)
            if not _starts(stream, PARQUET):
                return focus.lacking(focus.header(stream.readline(LONGEST))[0])
            return focus.lacking(pl.scan_parquet(path).collect_schema().names())
    except (*CUT, OSError, pl.exceptions.PolarsError) as error:
        return f"cannot be read ({str(error).partition(chr(10))[0]})"


def _unzipped(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if _starts(raw, GZIP) else raw


def _starts(stream: BinaryIO, mark: bytes) -> bool:
    found = stream.read(len(mark))
    stream.seek(0)
    return found == mark


def _told(frame: pl.DataFrame, row: int) -> list[Record]:
    return [(row + number + 1, str(cells)) for number, cells in enumerate(frame.iter_rows())]
