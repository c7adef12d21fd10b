"""Tests that run more than once: retries of what the model calls flaky, and repetition for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol

from golive_runner.pytest_plugin.recording import QUARANTINED, RERUN, has_failed

if TYPE_CHECKING:
    from golive_runner.pytest_plugin.plan import Plan

OTHERS = ("rerunfailures", "pytest_rerunfailures")
"""Its entry point, and its module where that was named."""


class Retrying:
    """Runs a failed test up to `retries` times more if it is flaky with `at_least` that much."""

    def __init__(self, plan: Plan, retries: int, at_least: float) -> None:
        self._plan, self._retries, self._at_least = plan, retries, at_least

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a flaky test; None leaves all others to whoever runs them."""
        if self._plan.how_flaky(item.nodeid) < self._at_least or _is_retried_elsewhere(item):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for left in range(self._retries, -1, -1):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            is_last = not left or item.session.shouldstop or not any(map(has_failed, reports))
            for report in reports:
                if has_failed(report) and not is_last:
                    _set_aside(report)
                item.ihook.pytest_runtest_logreport(report=report)
            if is_last:
                break
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


class Repeating:
    """Runs each test `times`, whatever comes of it."""

    def __init__(self, times: int) -> None:
        self._times = times

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test; a stop in between ends its repetition too."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for _ in range(self._times):
            for report in runtestprotocol(item, log=False, nextitem=nextitem):
                item.ihook.pytest_runtest_logreport(report=report)
            if item.session.shouldstop or item.session.shouldfail:
                break
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _set_aside(report: pytest.TestReport) -> None:
    """Make a failure one that is followed by another attempt, whatever it was before."""
    report.outcome = RERUN  # pyright: ignore[reportAttributeAccessIssue] - a word that plugins share
    for name in (QUARANTINED, "wasxfail"):
        vars(report).pop(name, None)


def _is_retried_elsewhere(item: pytest.Item) -> bool:
    """Tell whether pytest-rerunfailures runs this test again by its own rules."""
    config = item.config
    if not any(map(config.pluginmanager.hasplugin, OTHERS)):
        return False
    return bool(config.getoption("reruns", 0) or item.get_closest_marker("flaky"))
