"""Every coverage file of a well-known reader, against an independent count by ElementTree.

What is no coverage of lines (mutations, metrics, TRACE32, JUnit) is refused with its root named.
Both sides count a line of a file once, and take it as covered if any mention of it is.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from ingest.parse.report_formats import Start

Shared = Callable[[str], Path]
Read = Callable[..., tuple[str | None, list[Any]]]
Parsed = dict[Path, tuple[str | None, list[Any]]]
Counts = dict[str, tuple[int, int, int, int]]
"""Lines, covered lines, branches, covered branches by file."""
ROOT = "fixtures/coverage/coverage-model/edu/hm/hafner/coverage/parser"


def files(shared: Shared) -> list[Path]:
    return sorted(path for path in shared(ROOT).rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def parsed(shared: Shared, read: Read) -> Parsed:
    """Return the format and the rows of every file."""
    return {path: read(path.read_bytes(), path.name) for path in files(shared)}


def number(one: Element, name: str) -> int:
    return int(one.get(name) or 0)


def summed(lines: dict[str, dict[int, bool]], branches: dict[str, dict[Any, list[int]]]) -> Counts:
    return {
        path: (
            len(own), sum(own.values()),
            sum(total for _, total in branches[path].values()),
            sum(taken for taken, _ in branches[path].values()),
        )
        for path, own in lines.items()
    }  # fmt: skip


def cobertura(root: Element) -> Counts:
    lines: dict[str, dict[int, bool]] = defaultdict(dict)
    branches: dict[str, dict[Any, list[int]]] = defaultdict(dict)
    for one in root.iter("class"):
        path = (one.get("filename") or one.get("name") or "(unnamed)").replace("\\", "/")
        own = lines[path]
        for line in one.iter("line"):
            at = number(line, "number")
            own[at] = own.get(at, False) or number(line, "hits") > 0
            told = re.search(r"\((\d+)/(\d+)\)", line.get("condition-coverage", ""))
            if told:
                pair = branches[path].setdefault(at, [0, 0])
                pair[:] = [max(pair[0], int(told[1])), max(pair[1], int(told[2]))]
    return summed(lines, branches)


def jacoco(root: Element) -> Counts:
    found: dict[str, tuple[int, int, int, int]] = {}
    parents = {child: parent for parent in root.iter() for child in parent}
    for one in root.iter("sourcefile"):
        parts, up = [one.get("name", "")], parents[one]
        while up is not root:
            parts.insert(0, up.get("name", ""))
            up = parents[up]
        said = {c.get("type"): (number(c, "missed"), number(c, "covered"))
                for c in one.findall("counter")}  # fmt: skip
        line, branch = said.get("LINE", (0, 0)), said.get("BRANCH", (0, 0))
        found["/".join(part for part in parts if part)] = (
            sum(line), line[1], sum(branch), branch[1],
        )  # fmt: skip
    return found


def clover(root: Element) -> list[tuple[int, int, int, int]]:
    return [_clover_file(one) for one in root.iter("file")]


def _clover_file(one: Element) -> tuple[int, int, int, int]:
    said = one.find("metrics")
    assert said is not None
    known = [line for line in one.findall("line") if line.get("type") in ("stmt", "cond")]
    covered = {
        line.get("num")
        for line in known
        if any(number(line, key) for key in ("count", "truecount", "falsecount"))
    }
    lines = (len({line.get("num") for line in known}), len(covered))
    counted = lines if known else (number(said, "statements"), number(said, "coveredstatements"))
    return *counted, number(said, "conditionals"), number(said, "coveredconditionals")


def opencover(root: Element) -> Counts:
    lines: dict[str, dict[int, bool]] = defaultdict(dict)
    branches: dict[str, dict[Any, list[int]]] = defaultdict(dict)
    for module in root.iter("Module"):
        names = {one.get("uid"): one.get("fullPath", "").replace("\\", "/")
                 for one in module.iter("File")}  # fmt: skip
        for name in names.values():
            lines[name].update()
        for method in module.iter("Method"):
            ref = method.find("FileRef")
            mine = ref.get("uid") if ref is not None else None
            for point in method.iter("SequencePoint"):
                path, at = names.get(point.get("fileid") or mine), number(point, "sl")
                if path and at:
                    lines[path][at] = lines[path].get(at, False) or number(point, "vc") > 0
            for point in method.iter("BranchPoint"):
                path = names.get(point.get("fileid") or mine)
                if path and number(point, "sl"):
                    branches[path][point] = [min(1, number(point, "vc")), 1]
    return summed(lines, branches)


EXPECTED: dict[str, Callable[[Element], Any]] = {
    "cobertura": cobertura, "jacoco": jacoco, "clover": clover, "opencover": opencover,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reports"), [("cobertura", 35), ("jacoco", 11), ("clover", 7), ("opencover", 8)]
)
def test_every_report_gives_what_elementtree_counts(
    name: str, reports: int, parsed: Parsed
) -> None:
    checked = 0
    for path, (found, rows) in parsed.items():
        if found == name:
            expected = EXPECTED[name](ElementTree.parse(path).getroot())
            got = {one.path: one[1:5] for one in rows}
            assert (list(got.values()) if name == "clover" else got) == expected, path
            checked += 1
    assert checked == reports


def test_every_file_is_read_or_refused_with_a_reason(parsed: Parsed) -> None:
    formats: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for path, (found, _) in parsed.items():
        if found:
            formats[found] += 1
        else:
            reasons[Start(path.read_bytes(), path.name).said()] += 1
    assert formats == {
        "cobertura": 35, "jacoco": 11, "clover": 7, "opencover": 8, "lcov": 3, "nunit": 6,
        "xunit": 5,
    }  # fmt: skip
    root = "no report format has the root element"
    keys = "no report format has the JSON keys"
    assert reasons == {
        "it is JUnit XML, which sources of type junit read": 14,
        "the file is empty": 2,
        f"{root} <TRACE32>": 9,
        f"{root} <mutations>": 6,
        f"{root} <metrics>": 4,
        f"{root} <INVALID>": 1,
        f"{root} <empty>": 1,
        f"{root} <other>": 1,
        f"{root} <testcase>": 1,
        f"{keys} files, schemaVersion, thresholds": 2,
        f"{keys} schemaVersion, thresholds": 1,
        f"{keys} files": 1,
    }
    assert sum(formats.values()) + sum(reasons.values()) == len(parsed) == 118


LCOV = {
    "large-hit-counts.lcov": {"/tmp/large-hit-counts.c": (2, 1, 2, 1)},
    "report.lcov": {
        "src/main.ts": (3, 2, 2, 1), "src/utils/helper.ts": (2, 0, 0, 0),
        "lib/module.c": (1, 1, 0, 0),
    },
    "single.lcov": {"src/main.ts": (1, 1, 0, 0)},
}  # fmt: skip


@pytest.mark.parametrize("name", LCOV)
def test_an_lcov_file_reads_as_a_person_reads_it(name: str, shared: Shared, read: Read) -> None:
    _, rows = read(shared(f"{ROOT}/lcov/{name}").read_bytes())
    assert {one.path: one[1:5] for one in rows} == LCOV[name]


def test_lcov_that_only_sums_up_is_believed(read: Read) -> None:
    _, rows = read("TN:\nSF:a.c\nLF:10\nLH:7\nBRF:4\nBRH:1\nend_of_record\n")
    assert [one[:5] for one in rows] == [("a.c", 10, 7, 4, 1)]


def test_what_the_report_says_of_itself_is_the_sum_of_its_files(parsed: Parsed) -> None:
    """Nothing is lost on the way: JaCoCo's own totals, which this parser does not read."""
    for path, (found, rows) in parsed.items():
        if found == "jacoco":
            root = ElementTree.parse(path).getroot()
            said = {c.get("type"): number(c, "covered") for c in root.findall("counter")}
            covered = (sum(one.covered_lines for one in rows),
                       sum(one.covered_branches for one in rows))  # fmt: skip
            assert covered == (said["LINE"], said.get("BRANCH", 0)), path


COVERAGEPY = {
    "meta": {"format": 3, "version": "7.6.1", "timestamp": "2026-05-01T10:00:00.250000",
             "branch_coverage": True, "show_contexts": False},
    "files": {"shop/cart.v2.py": {
        "executed_lines": [1, 2], "missing_lines": [3], "excluded_lines": [],
        "summary": {"covered_lines": 2, "num_statements": 3, "percent_covered": 60.0,
                    "num_branches": 2, "num_partial_branches": 1, "covered_branches": 1},
        "functions": {"add": {"summary": {"covered_lines": 9, "num_statements": 9}}}}},
    "totals": {"covered_lines": 2, "num_statements": 3},
}  # fmt: skip


@pytest.mark.parametrize(
    "report", [COVERAGEPY, dict(reversed(COVERAGEPY.items()))], ids=["meta first", "meta last"]
)
def test_coverage_py_json_is_read_file_by_file(report: dict[str, Any], read: Read) -> None:
    """In the shape of https://coverage.readthedocs.io/en/latest/commands/cmd_json.html."""
    found, rows = read(json.dumps(report))
    assert found == "coveragepy"
    assert [one[:5] for one in rows] == [("shop/cart.v2.py", 3, 2, 2, 1)]
    assert rows[0].at == 1_777_629_600_250_000
