"""Files made to hurt and files that were torn: refused with line and reason, or borne."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable

import polars as pl
import pytest

from golive_core.errors import ReportError
from ingest.parse.junit import Cases, Report, read_report

Read = Callable[..., pl.DataFrame]
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
REFUSED = {
    "billion laughs": (
        f'<!DOCTYPE testsuite [<!ENTITY l0 "ha">{LAUGHS}]>\n<testsuite name="&l9;"/>',
        "DOCTYPE",
    ),
    "external entity": (
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite>&x;</testsuite>',
        "DOCTYPE",
    ),
    "unknown entity": ("<testsuite>&x;</testsuite>", "undefined entity"),
    "nested cases": ("<testsuite>" + "<testcase>" * 300_000, "nested deeper than 256"),
    "nested suites": ("<testsuite>" * 300_000, "nested deeper than 256"),
    "endless tag": ('<testsuite name="' + "x" * (8 << 20) + '"/>', "longer than 4 MiB"),
    "endless comment": ("<testsuite><!--" + "x" * (8 << 20) + "--></testsuite>", "4 MiB"),
    "empty": ("", "empty"),
    "blank": (" \n ", "truncated at line 2"),
    "JSON": ('{"tests": []}', "JSON"),
    "HTML": ("<!DOCTYPE html>\n<html><body>Sign in</body></html>", "an HTML page"),
    "HTML without a type": ("<html><body>Sign in</body></html>", "an HTML page"),
    "text": ("all tests passed", "syntax error"),
    "other XML": ("<project><modelVersion/></project>", "the root element is <project>"),
    "NUL bytes": ("\x00" * 5000, "NUL bytes"),
    "cut in a tag": ('<testsuite>\n<testcase name="a"/>\n<testc', "truncated at line 3"),
    "cut between tags": ('<testsuite>\n<testcase name="a"/>\n', "truncated at line 3"),
    "cut in CDATA": ("<testsuite><testcase><failure><![CDATA[at", "truncated at line 1"),
    "filled up with NUL": ('<testsuite><testcase name="a"/>' + "\x00" * 100, "not well-formed"),
    "two roots": ("<testsuite/><testsuite/>", "junk after document element"),
    "mismatched tags": ("<testsuite>\n<testcase></testsuite>", "mismatched tag"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_reason(name: str, read: Read) -> None:
    body, reason = REFUSED[name]
    started = time.process_time()
    with pytest.raises(ReportError) as caught:
        read(body)
    assert reason in caught.value.what
    assert caught.value.path == "r.xml"
    assert time.process_time() - started < 1


def test_a_report_that_breaks_off_adds_none_of_its_cases() -> None:
    report, cases = Report("r.xml", "r", "b#1", 0, 0), Cases()
    good, torn = b"<testsuite><testcase name='a'/></testsuite>", b"<testsuite><testcase name='b'/>"
    for body in (good, torn, good):
        try:
            for _ in read_report(lambda body=body: io.BytesIO(body), report, cases, size=0):
                pass
        except ReportError:
            pass
    assert cases.words == ["name", "a"] * 2


def test_nesting_of_two_hundred_is_legal(read: Read) -> None:
    body = "<testsuite>" * 200 + '<testcase name="t"/>' + "</testsuite>" * 200
    assert read(body)["name"].to_list() == ["t"]


CASE = '<testsuite name="s"><testcase name="t"><failure>{}</failure></testcase></testsuite>'
BORNE = {
    "UTF-16": ('<?xml version="1.0" encoding="UTF-16"?>' + CASE.format("ü")).encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + CASE.format("ü").encode(),
    "latin-1 declared": ('<?xml version="1.0" encoding="ISO-8859-1"?>' + CASE.format("ü")).encode(
        "latin-1"
    ),
    "windows-1252 declared": (
        '<?xml version="1.0" encoding="windows-1252"?>' + CASE.format("ü")
    ).encode("cp1252"),
    "latin-1 undeclared": CASE.format("ü").encode("latin-1"),
    "latin-1 declared as UTF-8": (
        '<?xml version="1.0" encoding="UTF-8"?>' + CASE.format("ü")
    ).encode("latin-1"),
    "UTF-8 declared as UTF-16": (
        '<?xml version="1.0" encoding="UTF-16"?>' + CASE.format("ü")
    ).encode(),
    "unknown encoding": ('<?xml version="1.0" encoding="x-odd"?>' + CASE.format("ü")).encode(),
}


@pytest.mark.parametrize("name", BORNE)
def test_text_survives_its_encoding(name: str, read: Read) -> None:
    assert read(BORNE[name])["details"].to_list() == ["ü"]


def test_control_characters_become_spaces(read: Read) -> None:
    body = CASE.format("a\x1b[31mb&#27;c&#x0;d&#xFFFF;e&#10;f&amp;g")
    assert read(body)["details"].to_list() == ["a [31mb c d e\nf&g"]


def test_a_bad_character_beyond_the_first_chunk_is_mended_too(read: Read) -> None:
    body = CASE.format("x" * 300_000 + "\x1b" + "é") + "\n"
    assert read(body)["name"].to_list() == ["t"]
    assert read(body, large=True)["name"].to_list() == ["t"]


def test_a_text_is_kept_up_to_its_limit(read: Read) -> None:
    found = read(CASE.format("x" * 1_000_000))["details"]
    assert found.str.len_bytes().max() < 64 << 10
    assert found.str.ends_with("[cut]").all()


def test_a_message_is_kept_up_to_its_limit(read: Read) -> None:
    body = f'<testsuite><testcase name="t"><failure message="{"m" * 200_000}"/></testcase>'
    assert read(body + "</testsuite>")["message"].str.len_bytes().max() == 64 << 10


def test_a_report_in_pieces_reads_like_one_at_once(read: Read) -> None:
    cases = "".join(f'<testcase name="t{n}"/>' for n in range(30_000))
    body = f'<testsuite name="s">{cases}</testsuite>'
    assert read(body, large=True).equals(read(body))


def test_a_large_report_that_breaks_off_adds_nothing() -> None:
    body = b"<testsuite>" + b'<testcase name="t"/>' * 30_000
    report, cases = Report("r.xml", "r", "b#1", 0, 0), Cases()
    with pytest.raises(ReportError, match="truncated"):
        next(read_report(lambda: io.BytesIO(body), report, cases, size=1 << 40))
    assert not len(cases)


STREAM = """
import io
from ingest.parse.junit import Cases, Report, read_report

class Long(io.RawIOBase):
    def __init__(self, pieces):
        self.pieces = iter(pieces)
    def read(self, size=-1):
        return next(self.pieces, b"")

def body():
    yield b'<testsuite><testcase name="t"><failure>'
    for _ in range({chunks}):
        yield b"all work and no play" * 13_107
    yield b"</failure></testcase></testsuite>"

cases = Cases()
for _ in read_report(lambda: Long(body()), Report("r", "r", "b", 0, 0), cases, size=1 << 30):
    pass
assert len(cases) == 1 and len(cases.outcomes[0].text) < 65_536
status = open("/proc/self/status").read()  # ru_maxrss would hold the parent's peak
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


@pytest.mark.parametrize("chunks", [400, pytest.param(4_000, marks=pytest.mark.slow)])
def test_a_gigabyte_of_text_in_one_element_costs_no_memory(chunks: int) -> None:
    script = STREAM.replace("{chunks}", str(chunks))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100
