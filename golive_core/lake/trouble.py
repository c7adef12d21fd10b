"""What the libraries under the lake raise, told as errors of GoLive."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError, DeltaProtocolError

from golive_core.errors import LakeConflictError, LakeError, LakeFullError, LakeVersionError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = ("no space left", "os error 28", "quota exceeded", "file too large")
NEWER_WORDS = ("unsupported:", "unsupported table features", "table features must be specified")


def is_full(error: BaseException) -> bool:
    """Tell whether the error says that the disk has no room."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error).lower()
    return any(words in text for words in FULL_WORDS)


def is_newer(error: BaseException) -> bool:
    """Tell whether the error says that the table needs a newer reader or writer."""
    text = str(error).lower()
    return isinstance(error, DeltaProtocolError) or any(words in text for words in NEWER_WORDS)


@contextmanager
def told(where: object, doing: str) -> Generator[None]:
    """Raise what the file system, polars and Delta report as LakeError, naming `where`."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, DeltaError) as error:
        raise translate(error, str(where), doing) from error


def translate(error: Exception, where: str, doing: str) -> LakeError:
    """Return the LakeError for what a library raised."""
    if is_full(error):
        hint = "Free space or move the lake (GOLIVE_HOME), then run the same again"
        return LakeFullError(f"no room left while {doing}", where=where, hint=hint)
    if is_newer(error):
        hint = "Update GoLive, or whatever wrote the table with a newer Delta protocol"
        return LakeVersionError(f"cannot be read by this version: {error}", where=where, hint=hint)
    if isinstance(error, CommitFailedError):
        hint = "Something other than GoLive writes this table; run again"
        return LakeConflictError(f"lost a race while {doing}: {error}", where=where, hint=hint)
    return LakeError(f"{doing} failed: {error}", where=where)
