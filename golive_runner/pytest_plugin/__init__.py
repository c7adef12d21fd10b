"""The pytest plugin: attempts live to GoLive, and GoLive's answers back into the run.

Loaded by name, `pytest -p golive`; see docs/pytest_plugin.md. With pytest-xdist the workers order,
retry and quarantine, and the process that gathers their reports records.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from golive_core import settings
from golive_runner.pytest_plugin import options
from golive_runner.pytest_plugin.recording import QUARANTINED, is_rerun

if TYPE_CHECKING:
    from golive_runner.pytest_plugin.options import Asked
    from golive_runner.pytest_plugin.plan import Plan

TOKEN = "GOLIVE_TOKEN"  # noqa: S105 - the name of a variable
PLAN_FILE = pytest.StashKey[str]()
PLAN_INPUT = "golive_plan"
"""The plan's file among what xdist hands to a worker."""
Status = tuple[str, str, tuple[str, dict[str, bool]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Add the parts that were asked for; recording is done where reports are gathered."""
    from golive_runner.pytest_plugin import quarantine

    asked = options.read(config)
    found = quarantine.find(asked.quarantine, config.rootpath, asked.project)
    if found:
        config.pluginmanager.register(found, "golive-quarantine")
    if asked.repeat > 1:
        from golive_runner.pytest_plugin.retrying import Repeating

        config.pluginmanager.register(Repeating(asked.repeat), "golive-repeating")
    if asked.plan:
        _add_plan(config, asked)
    elif asked.order or asked.select or asked.retries:
        raise options.wrong("order, selection and retries need --golive-plan=FILE, or lake")
    if asked.webdriver:
        _add_webdriver(config)
    if asked.record and not config.option.collectonly:
        _add_evidence(config)
        if _input(config) is None:
            _add_recording(config, asked)


def _add_webdriver(config: pytest.Config) -> None:
    """Let Selenium use what this machine has, until the suite is over."""
    from golive_runner.pytest_plugin import webdriver

    config.add_cleanup(webdriver.use_system())


def _add_evidence(config: pytest.Config) -> None:
    """Keep what browsers show where tests run: also in the workers of xdist."""
    from golive_runner.pytest_plugin.evidence import Keeping

    home = settings.home(config.rootpath)
    config.pluginmanager.register(Keeping(home, settings.variable(TOKEN)), "golive-evidence")


def _add_plan(config: pytest.Config, asked: Asked) -> None:
    from golive_runner.pytest_plugin.planned import Planned
    from golive_runner.pytest_plugin.retrying import Retrying

    plan = _plan(config, asked)
    config.pluginmanager.register(Planned(plan, asked), "golive-planned")
    if asked.retries:
        retrying = Retrying(plan, asked.retries, asked.flaky_at)
        config.pluginmanager.register(retrying, "golive-retrying")


def _plan(config: pytest.Config, asked: Asked) -> Plan:
    """Return the plan; the lake is asked once, also beside xdist."""
    from golive_runner.pytest_plugin import plan

    given = (_input(config) or {}).get(PLAN_INPUT)
    if given is None and asked.plan.partition(":")[0] == plan.LAKE:
        folder = settings.home(config.rootpath) / "pytest"
        given = str(plan.asked(asked.plan, asked.project, config.rootpath, folder))
    config.stash[PLAN_FILE] = given or str(config.rootpath / asked.plan)
    return plan.read(Path(config.stash[PLAN_FILE]))


def _add_recording(config: pytest.Config, asked: Asked) -> None:
    """Begin to record; a folder that cannot be written stops no suite."""
    from golive_runner.pytest_plugin.live import Live

    try:
        live = Live.start(config, asked)
    except OSError as error:
        config.issue_config_time_warning(
            pytest.PytestWarning(f"golive records nothing: {error}"), stacklevel=2
        )
        return
    config.pluginmanager.register(live, "golive-live")
    config.pluginmanager.register(live.recorder, "golive-recorder")


def _input(config: pytest.Config) -> dict[str, Any] | None:
    """Return what a worker of xdist was given, None in any other process."""
    return cast("dict[str, Any] | None", getattr(config, "workerinput", None))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist's own
    """Hand the plan to a worker of xdist."""
    node.workerinput[PLAN_INPUT] = node.config.stash.get(PLAN_FILE, None)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> Status | None:
    """Name failures that do not count, and attempts that are followed by another."""
    if hasattr(report, QUARANTINED):
        return "quarantined", "q", ("QUARANTINED", {"yellow": True})
    if is_rerun(report):
        return "rerun", "R", ("RERUN", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the failures that do not count, and entries of the quarantine that ran out."""
    failed = cast("list[pytest.TestReport]", terminalreporter.stats.get("quarantined", []))
    if failed:
        terminalreporter.section("quarantined failures", yellow=True)
    for report in failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        first = str(crash.message if crash else report.longrepr).partition("\n")[0]
        about = getattr(report, QUARANTINED)
        terminalreporter.write_line(f"{report.nodeid} ({about}): {first}")
    found = terminalreporter.config.pluginmanager.get_plugin("golive-quarantine")
    for name in getattr(found, "expired", []):
        terminalreporter.write_line(f"golive: quarantine of {'::'.join(name)} ran out: it counts")
