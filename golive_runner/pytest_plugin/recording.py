"""From pytest's reports of phases to attempts: one line of JSON each, as `golive ingest` reads it.

Reports come to one process, also with pytest-xdist. An attempt is setup, call and teardown; a
plugin that runs a test again reports a setup again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePath
from time import time
from typing import TYPE_CHECKING, Any

from golive_core import pytest_names as names

if TYPE_CHECKING:
    import pytest

RERUN = "rerun"
"""The outcome of an attempt that is followed by another one, as pytest-rerunfailures has it."""
QUARANTINED = "golive_quarantined"
"""The attribute of a report that failed and does not count as a failure."""
EVIDENCE = "golive_evidence"
"""The attribute of a report with the files that are kept of its phase."""
PHASES = ("setup", "call", "teardown")
DETAILS_CHARS = 64 << 10
Write = Callable[[bytes], object]


def has_failed(report: pytest.TestReport) -> bool:
    """Tell whether a phase failed, whatever became of that for the suite."""
    return report.failed or is_rerun(report) or hasattr(report, QUARANTINED)


def is_rerun(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Tell whether another attempt follows."""
    return str(report.outcome) == RERUN


class Recorder:
    """Writes attempts as they end; `secret` is masked in what they say."""

    def __init__(self, write: Write, *, suite: str = names.SUITE, secret: str = "") -> None:
        self._write, self._suite, self._secret = write, suite, secret
        self._open: dict[tuple[str, int], list[pytest.TestReport]] = {}
        self.attempts = 0
        self.trouble = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a phase; whatever goes wrong here is no business of the suite."""
        try:
            for ended in self._ended(report):
                self._record(ended)
        except Exception as error:  # noqa: BLE001 - a suite never fails by being watched
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """Record what had no teardown: the suite was cut off, or another plugin keeps it back."""
        left, self._open = self._open, {}
        for reports in left.values():
            self._record(reports)

    def _ended(self, report: pytest.TestReport) -> Iterator[list[pytest.TestReport]]:
        key = (report.nodeid, id(getattr(report, "node", None)))  # the worker, beside xdist
        if report.when not in PHASES:  # that worker crashed
            yield [*self._open.pop(key, []), report]
            return
        if report.when == "setup" and key in self._open:
            yield self._open.pop(key)
        self._open.setdefault(key, []).append(report)
        if report.when == "teardown":
            yield self._open.pop(key)

    def _record(self, reports: list[pytest.TestReport]) -> None:
        if not is_result(reports):
            return
        said = attempt(reports, self._suite)
        if self._secret and len(said) > len(PLAIN):
            for key in ("message", "details"):
                if key in said:
                    said[key] = said[key].replace(self._secret, "***")
        line = json.dumps({"golive_attempt": said}, separators=(",", ":"))
        self._write(line.encode() + b"\n")
        self.attempts += 1


def is_result(reports: list[pytest.TestReport]) -> bool:
    """Tell whether something came of an attempt: one that was cut off before its call has none."""
    return any(one.when == "call" or one.skipped or has_failed(one) for one in reports)


PLAIN = ("suite", "class_name", "name", "status", "started_at", "duration_s", "file")


def attempt(reports: list[pytest.TestReport], suite: str) -> dict[str, Any]:
    """Return the attempt of its phases, in the words of `golive_runner.attempt`."""
    first = reports[0]
    class_name, name = names.of_node(first.nodeid)
    duration = sum(one.duration for one in reports if not _is_part(one))
    started = getattr(first, "start", None) or time() - duration  # older pytests do not tell
    said: dict[str, Any] = {
        "suite": suite, "class_name": class_name, "name": name, "status": "passed",
        "started_at": _time(started), "duration_s": round(duration, 6),
        "file": PurePath(first.location[0]).as_posix(),
    }  # fmt: skip
    if kept := [file for one in reports for file in getattr(one, EVIDENCE, ())]:
        said["evidence"] = kept
    for one in reports:
        if has_failed(one):
            said |= {"status": "failed" if one.when == "call" else "error", **_failure(one)}
            break
        if one.skipped:
            said |= {"status": "skipped", "message": _reason(one)}
    return said


def _is_part(report: pytest.TestReport) -> bool:
    """Tell whether a report is of a subtest, whose time is in that of its test."""
    return getattr(report, "context", None) is not None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _failure(report: pytest.TestReport) -> dict[str, str]:
    """Return message and details, in the words of pytest's JUnit XML."""
    long = report.longrepr
    crash = getattr(long, "reprcrash", None)
    details = str(long) if long is not None else ""
    message = str(crash.message) if crash is not None else details.partition("\n")[0]
    if report.when in ("setup", "teardown"):
        message = f'failed on {report.when} with "{message}"'
    return {"message": _clean(message), "details": _clean(details)}


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or expected to fail."""
    if hasattr(report, "wasxfail"):
        return _clean(str(report.wasxfail))
    long = report.longrepr
    text = long[2] if isinstance(long, tuple) else str(long or "")
    return _clean(text.removeprefix("Skipped: "))


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def _clean(text: str) -> str:
    """Return a text without what no table and no terminal should bear."""
    cut = text[:DETAILS_CHARS]
    return CONTROL.sub("�", cut) if CONTROL.search(cut) else cut
