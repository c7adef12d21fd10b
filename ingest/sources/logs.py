"""Logs of files, folders and globs, whatever form they have: what was appended, as it comes.

    pull   bytes behind where the last pull stood -> raw, in chunks of whole lines
    parse  a chunk -> rows of core.log_lines

What stands in the context of a chunk: `log`, the name of the file before it was rotated; `line`,
the number of its first line among all of that log; `written_at`, the file's time; `service`,
`form` and `zone` from the options. Numbers go on when a file is rotated, so a pull that forgets
the cursor numbers alike only as long as no rotated file was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from golive_core.errors import SourceError
from golive_core.window import Window
from ingest.batch import Batch
from ingest.files import MAGIC, Search
from ingest.log_files import Tail, is_binary
from ingest.parse import logs
from ingest.payload import Parser, parsed
from ingest.source import Context, Cursor, Finding, Instance, Parsed, Pulled, Stream, Unit
from ingest.zone import ZoneName

UNIT_BYTES = 8 << 20
"""Chunks that are parsed in one process together."""


class LogsOptions(BaseModel):
    """Options of `[source.<name>]` with type logs."""

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = Field(min_length=1)
    service: str = ""
    form: Literal["auto", "json", "syslog", "access", "logfmt", "text"] = "auto"
    timezone: ZoneName = "UTC"


class LogsSource:
    """Reads the log files of one instance."""

    type: ClassVar[str] = "logs"
    title: ClassVar[str] = "Log files"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("lines", "Lines that were appended to a file.", ("core.log_lines",)),
    )
    scopes: ClassVar[tuple[str, ...]] = ("read access to the files",)
    example: ClassVar[str] = """\
[source.shop-logs]
type = "logs"
project = "shop"
paths = ["/var/log/shop/", "logs/**/*.log*"]
# service = "checkout"       # of lines that do not name theirs; the file unless said
# form = "json"              # or syslog, access, logfmt, text; told by content unless said
# timezone = "Europe/Berlin" # of times without one; UTC unless said
"""
    Options: ClassVar[type[BaseModel]] = LogsOptions
    parsers: ClassVar[Mapping[str, Parser]] = {"lines": logs.rows}

    def __init__(self, instance: Instance, context: Context) -> None:
        self.instance, self._base = instance, context.base
        self.options = LogsOptions.model_validate(dict(instance.options))

    def _search(self) -> Search:
        return Search(self._base, tuple(self._patterns()))

    def _patterns(self) -> Iterator[str]:
        """Yield the paths, folders that are there now as globs of all that is below them."""
        for path in self.options.paths:
            whole = self._base / Path(path).expanduser()
            is_folder = not MAGIC.search(path) and whole.is_dir()
            yield f"{path.rstrip('/')}/**" if is_folder else path

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by stat alone whether a file is new or was written to."""
        return self._tail(cursor).has_news()

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what was appended since `cursor`, or all of the files written since `window` began.

        Raises SourceError at the end for files that are not there or cannot be read.
        """
        tail = self._tail(None if window else cursor)
        since_ns = int(window.start.timestamp() * 1e9) if window else 0
        batch, files = Batch(), set[str]()
        for chunk in tail.chunks(since_ns=since_ns):
            files.add(chunk.name)
            context = {
                "kind": "lines", "log": chunk.log, "line": chunk.line,
                "zone": self.options.timezone,
                "written_at": chunk.written_at, "form": self.options.form,
                "service": self.options.service or chunk.log,
            }  # fmt: skip
            batch.add(f"{chunk.name}#{chunk.start}", chunk.body, context, "text/plain")
            if batch.is_full:
                yield batch.flush(tail.cursor(), len(files))
        yield batch.flush(tail.cursor(), len(files))
        self._complain(tail)

    def plan(self, payloads: pl.DataFrame) -> Iterator[Unit]:
        """Yield units of about UNIT_BYTES, in the order received."""
        number = (payloads["size_bytes"].cum_sum() // UNIT_BYTES).alias("unit")
        for _, part in payloads.with_columns(number).group_by("unit", maintain_order=True):
            yield Unit("lines", part.drop("unit"))

    def parse(self, unit: Unit) -> Iterator[Parsed]:
        """Yield the rows of each chunk."""
        yield from parsed(unit.payloads, self.instance, self.parsers)

    def check(self) -> Iterator[Finding]:
        """Yield how many files the paths find, and what cannot be read."""
        search = self._search()
        found = search.files()
        state = "ok" if found else "warning"
        yield Finding("log files", state, f"{len(found)} found", "" if found else "Mend `paths`")
        for path in search.missing:
            yield Finding("log files", "failed", f"no such file: {path}", "Mend `paths`")
        for path, reason in search.trouble.items():
            yield Finding("log files", "warning", f"{path}: {reason}", "Grant read access")
        odd = [str(one.path) for one in found if _is_binary(one.path)]
        if odd:
            yield Finding("log files", "warning", f"no text, left out: {', '.join(odd)}",
                          "Let `paths` name text files only")  # fmt: skip

    def _tail(self, cursor: Cursor | None) -> Tail:
        return Tail.of(self._base, self._search(), cursor)

    def _complain(self, tail: Tail) -> None:
        wrong = {**tail.search.trouble, **tail.trouble}
        wrong |= dict.fromkeys(tail.search.missing, "no such file")
        if wrong:
            raise SourceError(
                "; ".join(f"{path}: {reason}" for path, reason in wrong.items()),
                where=self.instance.name, hint="Mend `paths` in golive.toml, or grant read access",
            )  # fmt: skip


def _is_binary(path: Path) -> bool:
    try:
        return is_binary(path)
    except OSError:
        return False
