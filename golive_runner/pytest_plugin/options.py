"""What a person can ask of the plugin, on the command line or in pytest's configuration."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from golive_core import ci, settings

if TYPE_CHECKING:
    import pytest

GROUP = "golive", "GoLive: attempts recorded live, quarantine, order and retries by prediction"
TEXTS = {
    "golive_url": "Address of the gateway that attempts go to; without it they stay in a file.",
    "golive_project": "Project that the tests belong to.",
    "golive_build": "Build; default: as the CI system says, else the time.",
    "golive_environment": "Where it runs, if one build runs in several places.",
    "golive_quarantine": "File of tests whose failures do not count, or none; default: "
    "golive-quarantine.yaml or .json.",
    "golive_plan": "What golive select --format json wrote; lake, or lake:main...HEAD, asks now.",
    "golive_retries": "Retries of a failed test that the plan calls flaky; default: 0.",
    "golive_repeat": "Run each test so many times, each an attempt; default: 1.",
    "golive_flaky_at": "Probability of being flaky from which a test is retried; default: 0.65.",
}
FLAGS = {
    "golive_order": "Run what fails most probably first.",
    "golive_select": "Leave out what the plan leaves out.",
    "golive_no_record": "Record nothing.",
    "golive_webdriver": "Run Selenium with the Chromium and the chromedriver of this machine.",
}


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup(*GROUP)
    for name, text in TEXTS.items():
        group.addoption(_flag(name), dest=name, default=None, help=text)
        parser.addini(name, text, default="")
    for name, text in FLAGS.items():
        group.addoption(_flag(name), dest=name, action="store_true", default=None, help=text)
        parser.addini(name, text, type="bool", default=False)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    url: str
    project: str
    quarantine: str
    plan: str
    retries: int
    repeat: int
    flaky_at: float
    order: bool
    select: bool
    record: bool
    webdriver: bool


def read(config: pytest.Config) -> Asked:
    """Return the options; raises UsageError of pytest for what cannot be."""
    url = _text(config, "golive_url").rstrip("/")
    project = _text(config, "golive_project") or _only_project(config.rootpath)
    if url and not url.startswith(("http://", "https://")):
        raise wrong(f"--golive-url is {url!r}; for example http://127.0.0.1:8000")
    if url and not project:
        raise wrong("--golive-url needs --golive-project: whose tests are these?")
    return Asked(
        url, project, _text(config, "golive_quarantine"), _text(config, "golive_plan"),
        int(_number(config, "golive_retries", 0)), int(_number(config, "golive_repeat", 1)),
        _number(config, "golive_flaky_at", 0.65),
        _flagged(config, "golive_order"), _flagged(config, "golive_select"),
        not _flagged(config, "golive_no_record"), _flagged(config, "golive_webdriver"),
    )  # fmt: skip


def query(config: pytest.Config, project: str, started: float) -> dict[str, str]:
    """Return what an upload says of itself; outside of CI a build is named after its second."""
    told = {"build": str(int(started)), **_commit(config.rootpath), **ci.build(settings.variable)}
    given = {"build": _text(config, "golive_build"), "project": project,
             "environment": _text(config, "golive_environment")}  # fmt: skip
    return {key: value for key, value in {**told, **_given(given)}.items() if value}


def _given(told: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in told.items() if value}


def wrong(what: str) -> Exception:
    """Return the error that pytest shows as one line, and ends with exit code 4."""
    import pytest

    return pytest.UsageError(f"golive: {what}")


def _text(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name) or config.getini(name) or "").strip()


def _flagged(config: pytest.Config, name: str) -> bool:
    return bool(config.getoption(name) or config.getini(name))


def _number(config: pytest.Config, name: str, default: float) -> float:
    said = _text(config, name)
    if not said:
        return default
    if not re.fullmatch(r"\d+(\.\d+)?", said):
        raise wrong(f"{_flag(name)} is {said!r}, not a number")
    return float(said)


def _only_project(root: Path) -> str:
    """Return the project of the golive.toml beside the suite, if it has one only."""
    try:
        found = tomllib.loads((root / settings.FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    table = found.get("project")
    projects = list(cast("dict[str, object]", table)) if isinstance(table, dict) else []
    return projects[0] if len(projects) == 1 else ""


def _commit(root: Path) -> dict[str, str]:
    """Return commit and branch as Git has them here; nothing outside of a repository."""
    words = ["git", "-C", str(root), "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - no option of others
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = said.stdout.split()
    if said.returncode or len(lines) != len(("commit", "branch")):
        return {}
    return {"commit": lines[0], "branch": "" if lines[1] == "HEAD" else lines[1]}
