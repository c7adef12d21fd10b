"""Failures of tests in the reviewed quarantine file: recorded and told, and not counted.

Such a test runs as any other. Its failure leaves this plugin as pytest has expected failures, so
that limits of failures, exit code and JUnit XML treat it as one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from golive_core import pytest_names as names
from golive_runner.pytest_plugin.options import wrong
from golive_runner.pytest_plugin.recording import QUARANTINED

if TYPE_CHECKING:
    from golive_core.quarantine import Entry

NONE = "none"


def find(named: str, root: Path, project: str, today: date | None = None) -> Quarantine | None:
    """Return the quarantine of the file that is named or stands beside the suite.

    Raises UsageError of pytest for a file that is none.
    """
    from golive_core import quarantine
    from golive_core.errors import GoLiveError

    beside = [root / one for one in quarantine.FILES]
    paths = [root / named] if named else [one for one in beside if one.is_file()]
    if named == NONE or not paths:
        return None
    if named and not paths[0].is_file():
        raise wrong(f"--golive-quarantine: there is no file {paths[0]}")
    try:
        entries = [one for path in paths for one in quarantine.read(path)]
    except GoLiveError as error:
        raise wrong(f"--golive-quarantine: {error}") from None
    except ImportError:
        raise wrong("--golive-quarantine: reading the file takes PyYAML; install it") from None
    return Quarantine(entries, project, today or datetime.now(UTC).date())


class Quarantine:
    """The tests that are set aside today; entries of other projects are others' business."""

    def __init__(self, entries: Iterable[Entry], project: str, today: date) -> None:
        self._active: dict[names.Name, str] = {}
        self.expired: list[names.Name] = []
        for one in entries:
            if project and one["project"] != project:
                continue
            name = names.of_row(one["test"], "class")
            if one["expires"] <= today:
                self.expired.append(name)
            else:
                self._active[name] = _about(one)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the failure of a test that is set aside, after everything else had its say."""
        report = yield
        if report.failed and (about := self._active.get(names.of_node(item.nodeid))) is not None:
            setattr(report, QUARANTINED, about)
            report.wasxfail = f"quarantined: {about}"
            report.outcome = "skipped"
        return report


def _about(one: Entry) -> str:
    """Return what a reader of the summary needs: until when, whose, which ticket."""
    said = [f"until {one['expires']}", str(one.get("owner") or ""), str(one.get("ticket") or "")]
    return ", ".join(part for part in said if part)
