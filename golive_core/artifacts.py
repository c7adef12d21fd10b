"""Bodies too large for a table, stored once under the SHA-256 of their content.

`home/artifacts/ab/cdef….gz` holds one body, so `zcat` shows it. gzip level 1 makes test reports a
tenth as large for a tenth of the cost of parsing them; zstd would cost a third of that, but its
import a quarter of a second in every process. A body appears under its name whole or not at all.
What it means is known to the table row that names it.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from golive_core.erasure import known
from golive_core.errors import LakeError, LakeFullError

CHUNK_BYTES = 1 << 20
LEVEL = 1
GZIP = 16 + zlib.MAX_WBITS
"""zlib's word for a gzip header."""
MOST_BYTES = 64 << 20
"""A body is unpacked into a buffer of this size at most, to begin with."""


class ArtifactStore:
    """Bodies under `home/artifacts`; any number of processes may read and write at once."""

    def __init__(self, home: Path) -> None:
        self.root = home / "artifacts"
        self._is_made = False

    def path(self, sha: str) -> Path:
        """Return where the (compressed) body `sha` is or would be."""
        return self.root / sha[:2] / f"{sha[2:]}.gz"

    def __contains__(self, sha: str) -> bool:
        """Tell whether the body is there."""
        return self.path(sha).exists()

    def put_bytes(self, body: bytes, *, is_packed: bool = False) -> str:
        """Store a body and return its SHA-256; raises LakeFullError, LakeError.

        `is_packed`: it is compressed already, as pictures and archives are.
        """
        sha = hashlib.sha256(body).hexdigest()
        if sha not in self:
            with self._draft() as draft, self._storing():
                level = zlib.Z_NO_COMPRESSION if is_packed else LEVEL
                draft.write_bytes(zlib.compress(body, level, wbits=GZIP))
                self._publish(draft, sha)
        return sha

    def put_stream(self, stream: BinaryIO) -> tuple[str, int]:
        """Store what a stream gives; return SHA-256 and size in bytes. Memory is bounded.

        What reading the stream raises passes through and leaves nothing behind.
        """
        digest, size = hashlib.sha256(), 0
        squeeze = zlib.compressobj(LEVEL, wbits=GZIP)
        with self._draft() as draft:
            with self._storing():
                out = draft.open("wb")
            with out:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    with self._storing():
                        out.write(squeeze.compress(chunk))
                with self._storing():
                    out.write(squeeze.flush())
                    out.flush()
            with self._storing():
                self._publish(draft, digest.hexdigest())
        return digest.hexdigest(), size

    def put_file(self, path: Path) -> str:
        """Store the content of a file and return its SHA-256."""
        with path.open("rb") as stream:
            return self.put_stream(stream)[0]

    def open(self, sha: str) -> BinaryIO:
        """Open a body for reading; LakeError if it is missing."""
        try:
            return cast(BinaryIO, gzip.open(self.path(sha)))
        except FileNotFoundError as error:
            raise self._missing(sha) from error

    def get(self, sha: str) -> bytes:
        """Return a whole body; LakeError if it is missing."""
        try:
            packed = self.path(sha).read_bytes()
        except FileNotFoundError as error:
            raise self._missing(sha) from error
        return zlib.decompress(packed, wbits=GZIP, bufsize=_told_size(packed))

    def _missing(self, sha: str) -> LakeError:
        hint = "Pull its source again: golive ingest --full"
        return LakeError(f"the artifact {sha} is missing", where=str(self.root), hint=hint)

    @contextmanager
    def _draft(self) -> Generator[Path]:
        """Lend the path of a file of one's own; it is gone afterwards unless it was published."""
        if not self._is_made:
            with self._storing():
                self.root.mkdir(parents=True, exist_ok=True)
            self._is_made = True
        draft = self.root / f".draft-{uuid4().hex}"
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def rewrite(self, sha: str, change: Callable[[str], str]) -> bool:
        """Put a changed text in place of a body, under its old name; tell whether it changed.

        The name stays that of what was received, so that it is known when it comes again.
        """
        with self._draft() as draft, self._storing():
            draft.write_bytes(self.path(sha).read_bytes())
            if not _changed(draft, change):
                return False
            draft.replace(self.path(sha))
        return True

    def _publish(self, draft: Path, sha: str) -> None:
        lake = self.root.parent / "lake"
        if known.read(lake):
            _scrub(draft, lake)
        path = self.path(sha)
        try:
            draft.replace(path)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            draft.replace(path)

    @contextmanager
    def _storing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise _mapped(error, self.root) from error


def _scrub(draft: Path, lake: Path) -> None:
    """Take the names of erased people out of a compressed file."""
    from golive_core.erasure.scrub import active  # polars: suites of others lack it

    if erased := active(lake):
        _changed(draft, erased.text)


def _told_size(packed: bytes) -> int:
    """Return the size of the body as gzip tells it at the end, so that no buffer has to grow.

    That is a third of the cost of unpacking; a wrong size does no harm but to that.
    """
    return min(max(1, int.from_bytes(packed[-4:], "little")), MOST_BYTES)


def _changed(packed: Path, change: Callable[[str], str]) -> bool:
    """Change the text of a compressed file; tell whether it did. What is no text stays."""
    try:
        old = gzip.decompress(packed.read_bytes()).decode()
    except UnicodeDecodeError:
        return False
    new = change(old)
    if new != old:
        packed.write_bytes(zlib.compress(new.encode(), LEVEL, wbits=GZIP))
    return new != old


def _mapped(error: OSError, root: Path) -> LakeError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LakeFullError("no room is left", where=str(root), hint="Free space and run again")
    return LakeError(f"cannot store an artifact: {error}", where=str(root))
