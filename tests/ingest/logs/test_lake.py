"""Logs land in the lake once, also after a pull that was killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assets.load import ingest
from golive_core.lake import Lake

LINES = "".join(f'{{"ts":{1_764_000_000 + n},"level":"info","msg":"n {n}"}}\n' for n in range(500))


def test_lines_land_once_and_only_new_ones_after(reader: Callable[..., Any], lake: Lake) -> None:
    files = reader()
    files.write("a.log", LINES)
    for _ in range(2):
        done = ingest(lake, files.source, files.source.instance, processes=1)
        assert done.error is None
        assert (done.conform.rejected, done.conform.quarantined) == (0, 0)
        assert lake.rows("core.log_lines") == 500
    files.write("a.log", LINES.replace("n ", "m "), at=1_800_000_000)
    ingest(lake, files.source, files.source.instance, processes=1)
    assert lake.rows("core.log_lines") == 1_000
    assert lake.query("select count(*), sum(size_bytes) from raw.logs").row(0) == (
        2,
        2 * len(LINES),
    )


def test_a_killed_pull_goes_on_where_it_was(reader: Callable[..., Any]) -> None:
    files = reader()
    for number in range(300):
        files.write(f"{number:03}.log", LINES[:60])
    first = next(iter(files.source.pull("lines", cursor=None, window=None)))
    again = list(files.source.pull("lines", cursor=first.cursor, window=None))
    assert first.payloads.height == 256
    assert sum(batch.payloads.height for batch in again) == 44
