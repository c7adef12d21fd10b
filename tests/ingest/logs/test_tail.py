"""Only what was appended is read, whatever happens to the files; nothing is lost or read twice."""

from __future__ import annotations

import bz2
import gzip
import os
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from golive_core.errors import SourceError
from golive_core.window import Window
from ingest import log_files
from ingest.parse.logs_store import LONGEST

Make = Callable[..., Any]
WRITTEN = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


def line(number: int, words: str = "line") -> str:
    return f"2026-11-24 10:00:{number % 60:02} INFO {words} {number}\n"


def said(rows: list[dict[str, Any]]) -> list[str]:
    return [row["message"] for row in rows]


def test_only_appended_bytes_are_read(reader: Make) -> None:
    files = reader()
    files.write("a.log", line(1) + line(2))
    assert said(files.pull()) == ["line 1", "line 2"]
    assert not files.has_news()
    files.write("a.log", line(3), at=WRITTEN + 1)
    assert files.has_news()
    assert [(row["message"], row["line"], row["service"]) for row in files.pull()] == [
        ("line 3", 3, "a.log")
    ]
    assert files.pulled == [(line(1) + line(2)).encode(), line(3).encode()]
    assert not files.has_news()
    assert files.pull() == []


@pytest.mark.parametrize("packed", ["", "gz"])
def test_a_rotated_file_is_read_to_its_end_and_the_numbers_go_on(reader: Make, packed: str) -> None:
    files = reader()
    path = files.write("a.log", line(1))
    files.pull()
    files.write("a.log", line(2), at=WRITTEN + 1)
    rotate(path, packed)
    files.write("a.log", line(3), at=WRITTEN + 2)
    rows = files.pull()
    assert said(rows) == ["line 2", "line 3"]
    assert [row["line"] for row in rows] == [2, 3]
    assert {row["service"] for row in rows} == {"a.log"}
    assert files.pull() == []


def rotate(path: Path, packed: str) -> None:
    old = path.rename(f"{path}.1")
    if packed:
        Path(f"{old}.gz").write_bytes(gzip.compress(old.read_bytes()))
        os.utime(f"{old}.gz", (WRITTEN + 1, WRITTEN + 1))
        old.unlink()


def test_a_rotated_file_that_no_path_names_is_looked_for_beside(reader: Make) -> None:
    files = reader("a.log")
    path = files.write("a.log", line(1))
    files.pull()
    files.write("a.log", line(2), at=WRITTEN + 1)
    rotate(path, "gz")
    files.write("a.log", line(3), at=WRITTEN + 2)
    assert said(files.pull()) == ["line 2", "line 3"]
    assert files.pull() == []


def test_a_truncated_file_is_read_from_its_start(reader: Make) -> None:
    files = reader()
    path = files.write("a.log", line(1) + line(2))
    files.pull()
    path.write_text("")
    files.write("a.log", line(3), at=WRITTEN + 1)
    assert [(row["message"], row["line"]) for row in files.pull()] == [("line 3", 3)]


def test_a_copied_and_truncated_file_gives_each_line_once(reader: Make) -> None:
    files = reader()
    path = files.write("a.log", line(1))
    files.pull()
    files.write("a.log.1", line(1) + line(2), at=WRITTEN + 1)
    path.write_text("")
    files.write("a.log", line(3), at=WRITTEN + 2)
    assert said(files.pull()) == ["line 2", "line 3"]


def test_two_files_that_begin_alike_are_two_logs(reader: Make) -> None:
    files = reader()
    for name in ("a.log", "b.log"):
        files.write(name, line(1))
    assert len(files.pull()) == 2


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst"])
def test_packed_files_are_unpacked_whatever_their_name(reader: Make, kind: str) -> None:
    files = reader()
    text = (line(1) + line(2)).encode()
    packed = {"gz": gzip.compress, "bz2": bz2.compress,
              "zst": lambda text: pa.compress(text, "zstd", asbytes=True)}[kind](text)  # fmt: skip
    files.write("old.log.x", packed)
    assert said(files.pull()) == ["line 1", "line 2"]
    assert not files.has_news()


def test_a_broken_archive_is_told_once_and_stops_no_other_file(reader: Make) -> None:
    files = reader()
    files.write("a.log.gz", gzip.compress(line(1).encode() * 9)[:-12])
    files.write("b.log", line(2))
    with pytest.raises(SourceError, match=r"a\.log\.gz"):
        files.pull()
    assert "line 2" in [row["message"] for row in files.rows.values()]
    assert not files.has_news()


def test_a_line_whose_end_is_not_written_is_waited_for(reader: Make) -> None:
    files = reader()
    now = time.time()
    files.write("a.log", line(1) + "2026-11-24 10:00:02 INFO ha", at=now)
    assert said(files.pull()) == ["line 1"]
    files.write("a.log", "lf\n", at=now + 1)
    assert said(files.pull()) == ["half"]


def test_a_last_line_without_an_end_is_taken_once_nobody_writes(reader: Make) -> None:
    files = reader()
    files.write("a.log", line(1) + "2026-11-24 10:00:02 INFO end")
    assert said(files.pull()) == ["line 1", "end"]
    assert not files.has_news()


def test_a_huge_line_is_cut_and_costs_no_memory(reader: Make) -> None:
    files = reader()
    path = files.write("a.log", line(1))
    with path.open("ab") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + line(3).encode())
    os.utime(path, (WRITTEN, WRITTEN))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = files.pull()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 << 10
    assert [one[:6] for one in said(rows)] == ["line 1", "xxxxxx", "line 3"]
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert len(rows[1]["message"]) == LONGEST


def test_bytes_that_are_no_utf8_and_control_sequences_do_no_harm(reader: Make) -> None:
    files = reader()
    files.write("a.log", b"2026-11-24 10:00:00 WARN caf\xe9 \x1b[31mred\x1b[0m\x00\r\n")
    (row,) = files.pull()
    assert (row["message"], row["level"]) == ("caf\ufffd red", "warning")


def test_what_is_no_text_is_left_out(reader: Make) -> None:
    files = reader("**/*")
    files.write("blob", bytes(range(256)))
    assert files.pull() == []
    assert not files.has_news()
    assert any("blob" in one.detail for one in files.source.check())


def test_a_clock_that_runs_backwards_keeps_the_order_of_the_lines(reader: Make) -> None:
    files = reader()
    files.write("a.log", line(30) + line(10) + line(20))
    rows = sorted(files.pull(), key=lambda row: row["line"])
    assert [row["at"].second for row in rows] == [30, 10, 20]


def test_lines_without_a_time_have_the_one_above_or_that_of_the_file(reader: Make) -> None:
    files = reader()
    files.write("a.log", "no time at all\n")
    (row,) = files.pull()
    assert row["at"] == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (row["day"], row["project_id"]) == (row["at"].date(), "shop")


def test_a_trace_is_not_cut_where_a_chunk_ends(
    reader: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "CHUNK_BYTES", 1024)
    files = reader()
    trace = "".join(f"\tat shop.Cart.add(Cart.java:{number})\n" for number in range(7))
    files.write("a.log", "".join(line(number, "boom") + trace for number in range(40)))
    rows = files.pull()
    assert len(files.pulled) > 10
    assert said(rows) == [f"boom {number}\n{trace.rstrip()}" for number in range(40)]
    assert [row["line"] for row in rows] == [8 * number + 1 for number in range(40)]


def test_one_service_over_many_files_keeps_all_lines(reader: Make) -> None:
    files = reader(service="cart")
    for name in ("a.log", "b.log"):
        files.write(name, line(1) + line(2))
    rows = files.pull()
    assert len(rows) == 4
    assert {row["service"] for row in rows} == {"cart"}


def test_blank_lines_are_no_entries_and_no_trouble(reader: Make) -> None:
    files = reader()
    files.write("a.log", "  \n\n")
    assert files.pull() == files.rejects == []


def test_a_link_that_leads_nowhere_and_a_folder_of_the_name_do_no_harm(reader: Make) -> None:
    files = reader("a.log")
    path = files.write("a.log", line(1))
    files.pull()
    rotate(path, "")
    (files.folder / "a.log.2").symlink_to("nowhere")
    (files.folder / "a.log.3").mkdir()
    files.write("a.log", line(2), at=WRITTEN + 1)
    assert said(files.pull()) == ["line 2"]


def test_folders_are_read_whole(reader: Make) -> None:
    files = reader("deep")
    files.write("deep/er/app.out", line(1))
    assert said(files.pull()) == ["line 1"]


def test_reading_everything_again_adds_nothing(reader: Make) -> None:
    files = reader()
    files.write("a.log", line(1))
    files.pull()
    files.write("a.log", line(2), at=WRITTEN + 1)
    files.pull()
    assert files.pull(forget=True) == []


def test_a_window_reads_the_files_written_since_its_start(reader: Make) -> None:
    files = reader()
    files.write("old.log", line(1), at=WRITTEN - 86_400)
    files.write("new.log", line(2))
    start, end = (datetime(2026, 11, day, tzinfo=UTC) for day in (24, 25))
    assert said(files.pull(window=Window(start, end))) == ["line 2"]


def test_a_file_that_is_not_there_is_told_after_the_others(reader: Make) -> None:
    files = reader("a.log", "gone.log")
    files.write("a.log", line(1))
    with pytest.raises(SourceError, match=r"gone\.log: no such file"):
        files.pull()
    assert len(files.rows) == 1
    assert [one.state for one in files.source.check()] == ["ok", "failed"]
