"""Files made to hurt and files that were torn: refused with line and reason, or borne."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from golive_core.errors import ReportError
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Start, find

Read = Callable[..., tuple[str | None, list[Any]]]
CTRF = '{"reportFormat": "CTRF", "results": {"tests": ['
TEST = '{"name": "t", "status": "passed"}'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
REFUSED: dict[str, tuple[str, int | None, str]] = {
    "CTRF that breaks off": (f"{CTRF}\n{TEST},\n{TEST}", 3, "truncated"),
    "CTRF that breaks off in a text": (f'{CTRF}\n{{"name": "t', 2, "truncated"),
    "CTRF with a word of its own": (f'{CTRF}{{"name": "t", "status": "ok"}}]}}}}', None, "'ok'"),
    "CTRF with a test that is a number": (f"{CTRF}7]}}}}", None, "results.tests.0 has the status"),
    "CTRF without tests": ('{"results": {"tool": {"name": "x"}}}', None, "neither results.tests"),
    "no comma": (f"{CTRF}\n{TEST}\n{TEST}]}}}}", 3, "out of place"),
    "no JSON": (f"{CTRF}\n{TEST},\n{{'name': 1}}]}}}}", 3, "not JSON"),
    "something behind": (f"{CTRF}{TEST}]}}}}\n{{}}", 2, "follows the end"),
    "nested lists": (f'{CTRF}{{"name": ' + "[" * 100_000, 1, "nested too deeply"),
    "an endless number": (f'{CTRF}{{"status": ' + "9" * 5_000 + "}]}}", 1, "not JSON"),
    "an endless text": (f'{CTRF}{{"name": "' + "x" * (18 << 20), 1, "longer than 16 MiB"),
    "SARIF without a version": ('{"$schema": "sarif", "runs": []}', 1, "without a version"),
    "billion laughs": (
        f'<!DOCTYPE coverage [<!ENTITY l0 "ha">{LAUGHS}]>\n<coverage><packages>&l9;</packages>'
        "</coverage>", 1, "declares an entity",
    ),
    "external entity": (
        '<!DOCTYPE report [\n<!ENTITY x SYSTEM "file:///etc/passwd">]><report><package/>&x;'
        "</report>", 2, "declares an entity",
    ),
    "XML that breaks off": ("<assemblies>\n<assembly>\n<collection>", 3, "truncated at line 3"),
    "XML nested deep": ("<assemblies>" + "<a>" * 300, 1, "nested deeper than 256"),
    "XML nested deep in a record": ("<assemblies><test>" + "<a>" * 300_000, 1, "nested deeper"),
    "LCOV that breaks off": ("TN:\nSF:a.c\nDA:1,1\n", 2, "has no end"),
    "LCOV with a line that is none": ("TN:\nSF:a.c\nDA:x,1\nend_of_record\n", 3, "is not what"),
    "LCOV with a line of nothing": ("TN:\nDA:1,1\n", 2, "is not what"),
    "TAP with an endless line": ("TAP version 14\nok 1 " + "x" * (5 << 20), 2, "longer than 4 MiB"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_line_and_reason(name: str, read: Read) -> None:
    body, line, reason = REFUSED[name]
    started = time.process_time()
    with pytest.raises(ReportError) as caught:
        read(body)
    assert reason in caught.value.what
    assert (caught.value.line, caught.value.path) == (line, "r")
    assert time.process_time() - started < 2


def test_a_large_report_that_breaks_off_yields_nothing(read: Read) -> None:
    with pytest.raises(ReportError, match="truncated"):
        read(f"{CTRF}{TEST},{TEST}", size=1 << 40)


UNKNOWN = {
    "empty": b"", "NUL": b"\0" * 5000, "random": bytes(range(256)) * 9, "text": b"all tests passed",
    "HTML": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "list": b"[1, 2]",
    "brace": b"{" * 5000, "quotes": b'{"' + b'\\"' * 30_000, "tags": b"<a" * 30_000,
    "other JSON": b'{"name": "shop", "version": "1.0.0", "scripts": {"test": "x"}}',
    "other XML": b"<project><modelVersion/></project>",
    "keys": b'{"a":' * 10_000,
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_has_no_format_is_told_so_quickly(name: str) -> None:
    started = time.process_time()
    start = Start(UNKNOWN[name], "x.json")
    assert find(start) is None
    assert start.said()
    assert time.process_time() - started < 1


def test_a_format_is_told_by_its_content_whatever_the_name(read: Read) -> None:
    assert read(f"{CTRF}{TEST}]}}}}", name="report.xml")[0] == "ctrf"
    assert read("TN:\nSF:a\nend_of_record\n", name="x.json")[0] == "lcov"
    assert read("<TestRun/>", name="report.json")[0] == "trx"


BORNE = {
    "byte order mark": ("\ufeff" + CTRF + '{"name": "ü", "status": "passed"}]}}').encode(),
    "UTF-16": (CTRF + '{"name": "ü", "status": "passed"}]}}').encode("utf-16"),
    "escaped": (CTRF + '{"name": "\\u00fc", "status": "passed"}]}}').encode(),
    "latin-1 undeclared": (
        '<assemblies><test name="ü" result="Pass"/></assemblies>'.encode("latin-1")
    ),
    "doctype": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd" []><assemblies>'
    b'<test name="&#252;" result="Pass"/></assemblies>',
}


@pytest.mark.parametrize("name", BORNE)
def test_text_survives_its_encoding(name: str, read: Read) -> None:
    assert [one.name for one in read(BORNE[name])[1]] == ["ü"]


def test_a_half_character_reaches_the_tables(load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        CTRF + '{"name": "a\\ud800", "status": "failed", "message": "\\udfff\\u0000"}]}}'
    )
    loaded = load()
    loaded.pull()
    assert [row["name"] for row in loaded["tests"]] == ["a?"]
    assert [row["message"] for row in loaded["failures"]] == ["?\x00"]


def test_a_text_is_kept_up_to_its_limit(read: Read) -> None:
    long = json.dumps("x" * 1_000_000)
    _, (one,) = read(f'{CTRF}{{"name": "t", "status": "failed", "trace": {long}}}]}}}}')
    assert len(one.details) == 64 << 10


@pytest.mark.parametrize("split", [1, 7, 4096])
def test_a_document_reads_alike_however_it_comes(split: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(split, size or 0))

    document = {"a": [{"x": [1.5, -20, 'é\n\\"']}, {"b": {}}, []], "c": {"d.e": {"s": 12345}}}
    body = json.dumps(document, indent=1, ensure_ascii=False).encode()
    got = list(values(lambda: Slow(body), "a.*", "c.*.s", path="x"))
    assert got == [
        (("a", "0"), document["a"][0]), (("a", "1"), {"b": {}}), (("a", "2"), []),
        (("c", "d.e", "s"), 12345),
    ]  # fmt: skip


JUNK: list[Any] = [None, -5, 1e308, "x", "", [], {}, True, [[1]], {"a": 1}, 10**400, "\ud800"]
ROOT = "fixtures"
SAMPLES = (
    "test-reports/ctrf/examples/comprehensive.json",
    "sarif/sarif-tutorials/samples/CodeFlows.sarif",
    "sarif/sarif-tutorials/samples/Suppressions.sarif",
    "sarif/sarif-tutorials/samples/OriginalUriBaseIds.sarif",
)  # fmt: skip


def holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object or list of a document with each of its keys."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in list(inner):
        yield value, key
        if isinstance(below, (dict, list)):
            yield from holders(below)


@pytest.mark.parametrize("sample", SAMPLES)
def test_whatever_stands_in_place_of_a_value_nothing_but_the_report_is_lost(
    sample: str, shared: Callable[[str], Path], load: Callable[..., Any], tmp_path: Path
) -> None:
    document = json.loads(shared(f"{ROOT}/{sample}").read_text())
    for nth, (holder, key) in enumerate(holders(document)):
        kept, holder[key] = holder[key], JUNK[nth % len(JUNK)]
        (tmp_path / f"{nth}.json").write_text(json.dumps(document))
        holder[key] = kept
    (tmp_path / "good.json").write_text(json.dumps(document))
    loaded = load()
    loaded.pull()
    told = {one.uri for one in loaded.rejects}
    assert "good.json" not in told
    assert len(told) == len(loaded.rejects) < nth


MEASURE = """
import io, resource, sys
from ingest.parse.json_stream import values
class Endless(io.RawIOBase):
    def __init__(self): self.left, self.first = 400, b'{"skipped": ['
    def read(self, size=-1):
        if self.first: first, self.first = self.first, b""; return first
        self.left -= 1
        if self.left > 200: return b'{"a": "' + b"x" * 250_000 + b'"},'
        if self.left == 200: return b'0], "kept": [0'
        if self.left > 0: return b',{"a": "' + b"x" * 250_000 + b'"}'
        return b"]}" if self.left == 0 else b""
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in values(Endless, "kept.*", path="x"))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_hundred_megabytes_of_json_cost_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    count, grown_mib = map(int, done.stdout.split())
    assert count == 200
    assert grown_mib < 40
