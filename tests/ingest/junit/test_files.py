"""Files, folders, globs and archives."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from golive_core.errors import ReportError
from ingest import archives
from ingest.archives import members
from ingest.files import Search, translate

REPORT = b'<testsuite name="s"><testcase name="t"/></testsuite>'


def found(base: Path, *patterns: str) -> list[str]:
    return [str(one.path.relative_to(base)) for one in Search(base, patterns).files()]


def touch(base: Path, *names: str) -> None:
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(REPORT)


def test_a_glob_crosses_folders_only_by_two_stars(tmp_path: Path) -> None:
    touch(tmp_path, "a.xml", "x/a.xml", "x/y/a.xml", "x/b.txt")
    assert found(tmp_path, "*.xml") == ["a.xml"]
    assert found(tmp_path, "x/*.xml") == ["x/a.xml"]
    assert found(tmp_path, "**/*.xml") == ["a.xml", "x/a.xml", "x/y/a.xml"]
    assert found(tmp_path, "x/**") == ["x/a.xml", "x/b.txt", "x/y/a.xml"]
    assert found(tmp_path, "**/[ab].???") == ["a.xml", "x/a.xml", "x/b.txt", "x/y/a.xml"]


def test_a_folder_gives_reports_and_archives_below_it(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.xml", "x/y/b.xml.gz", "x/c.zip", "x/d.tar.gz", "x/e.txt", "f.xml")
    assert found(tmp_path, "x") == ["x/a.xml", "x/c.zip", "x/d.tar.gz", "x/y/b.xml.gz"]


def test_a_name_with_brackets_that_exists_is_no_glob(tmp_path: Path) -> None:
    touch(tmp_path, "TEST-[1].xml", "TEST-1.xml")
    assert found(tmp_path, "TEST-[1].xml") == ["TEST-[1].xml"]
    assert translate("[!a]") == "[^a]"


def test_a_file_is_found_once_whatever_names_it(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.xml")
    assert found(tmp_path, "x/a.xml", "x", "**/*.xml", str(tmp_path / "x")) == ["x/a.xml"]


def test_a_folder_named_like_a_report_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "TEST-a.xml/TEST-b.xml")
    assert found(tmp_path, "**/TEST-*.xml") == ["TEST-a.xml/TEST-b.xml"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.xml")
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    (tmp_path / "x" / "broken.xml").symlink_to(tmp_path / "gone")
    search = Search(tmp_path, ("**/*.xml",))
    assert [one.path.name for one in search.files()] == ["a.xml"]
    assert list(search.trouble.values()) == ["no such file or directory"]


def test_folders_of_other_peoples_code_are_skipped(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/a.xml" for name in (".git", "node_modules", ".venv", "src")))
    assert found(tmp_path, "**/*.xml") == ["src/a.xml"]


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return out.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, body in entries.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(body), 1_714_557_600
            archive.addfile(info, io.BytesIO(body))
    return out.getvalue()


def read(body: bytes, path: str = "a.zip") -> dict[str, bytes | str]:
    return {
        one.name: one.stream.read() if one.stream else one.reason
        for one in members(io.BytesIO(body), path=path, size=len(body))
    }


ENTRIES = {"x/a.xml": REPORT, "readme.txt": b"no"}


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_a_tar_gives_its_reports(suffix: str) -> None:
    body = tarred(ENTRIES, f"w:{suffix[1:]}" if suffix else "w")
    assert read(body, f"a.tar{suffix}") == {"x/a.xml": REPORT}


def test_a_zip_gives_its_reports_and_those_one_level_deeper() -> None:
    inner = zipped({"b.xml": REPORT, "deep.zip": zipped(ENTRIES)})
    assert read(zipped({**ENTRIES, "i.zip": inner, "t.tar": tarred({"c.xml": REPORT})})) == {
        "x/a.xml": REPORT,
        "i.zip!b.xml": REPORT,
        "i.zip!deep.zip": "archives are opened one level deep only",
        "t.tar!c.xml": REPORT,
    }


@pytest.mark.parametrize("name", ["../a.xml", "/etc/a.xml", "x/../../a.xml", "C:\\a.xml"])
def test_a_member_that_points_outside_is_refused(name: str) -> None:
    for body, path in ((zipped({name: REPORT}), "a.zip"), (tarred({name: REPORT}), "a.tar")):
        assert list(read(body, path).values()) == ["its name points outside of the archive"]


def test_an_encrypted_member_is_refused_and_the_others_are_read() -> None:
    body = bytearray(zipped({"a.xml": REPORT, "b.xml": REPORT}))
    body[body.index(b"PK\x01\x02") + 8] |= 1
    assert read(bytes(body)) == {"a.xml": "it is encrypted", "b.xml": REPORT}


@pytest.mark.parametrize("path", ["a.zip", "a.tar.gz", "a.tar.xz"])
def test_a_bomb_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    entries = {"a.xml": b" " * (64 << 20)}
    body = zipped(entries) if path == "a.zip" else tarred(entries, f"w:{path[-2:]}")
    with pytest.raises(ReportError, match="refused as an archive bomb"):
        read(body, path)


@pytest.mark.parametrize("path", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_what_is_no_archive_is_refused(path: str) -> None:
    with pytest.raises(ReportError, match="cannot be"):
        read(b"<html>Sign in</html>" * 100, path)


def test_an_archive_is_one_run_and_what_it_lacks_is_rejected(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    other = REPORT.replace(b'"s"', b'"z"').replace(b"<testsuite ", b"<testsuites><testsuite ")
    entries = {
        "a/TEST-a.xml": REPORT, "b/TEST-b.xml": other + b"</testsuites>",
        "c.xml.gz": gzip.compress(REPORT.replace(b'"s"', b'"g"')), "torn.xml": b"<testsuite>",
        "../d.xml": REPORT,
    }  # fmt: skip
    (tmp_path / "run.zip").write_bytes(zipped(entries))
    (tmp_path / "torn.tar.gz").write_bytes(tarred(ENTRIES, "w:gz")[:-40])
    loaded = load("*.zip", "*.tar.gz")
    loaded.pull()
    assert len(loaded["test_results"]) == 3
    assert len(loaded["builds"]) == 1
    assert sorted((one.uri, one.reason[:12]) for one in loaded.rejects) == [
        ("run.zip!../d.xml", "its name poi"),
        ("run.zip!torn.xml", "truncated at"),
        ("torn.tar.gz", "it cannot be"),
    ]
    assert not loaded.source.has_news("reports", loaded.cursor)


def test_a_gzipped_report_reads_like_a_plain_one(load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(REPORT))
    (tmp_path / "b.xml.gz").write_bytes(b"not gzip")
    loaded = load("*.gz")
    loaded.pull()
    assert [row["name"] for row in loaded["tests"]] == ["t"]
    assert [one.uri for one in loaded.rejects] == ["b.xml.gz"]


def test_a_pipe_among_the_reports_does_not_hang(load: Callable[..., Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "TEST-pipe.xml")
    touch(tmp_path, "TEST-a.xml")
    assert found(tmp_path, "*.xml") == ["TEST-a.xml"]
    assert load("*.xml").pull() == 1
