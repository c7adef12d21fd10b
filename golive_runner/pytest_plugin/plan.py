"""What the models say of the tests that are about to run: order, what is left out, what is flaky.

A plan is what `golive select --format json` writes. A test that it does not know is new: it runs,
and first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from golive_core import pytest_names as names
from golive_core.settings import child_environment
from golive_runner.pytest_plugin.options import wrong

LAKE = "lake"
ASK_S = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """By name of a test: `rank` from 1, what is `left_out`, and probabilities of being `flaky`."""

    rank: Mapping[names.Name, int] = field(default_factory=dict[names.Name, int])
    left_out: frozenset[names.Name] = frozenset()
    flaky: Mapping[names.Name, float] = field(default_factory=dict[names.Name, float])

    def place(self, nodeid: str) -> int:
        """Return where a test stands; 0 is a new one, and what is left out stands last."""
        name = names.of_node(nodeid)
        return len(self.rank) + 1 if name in self.left_out else self.rank.get(name, 0)

    def is_left_out(self, nodeid: str) -> bool:
        """Tell whether the plan leaves a test out."""
        return names.of_node(nodeid) in self.left_out

    def how_flaky(self, nodeid: str) -> float:
        """Return the probability that a test is flaky, 0 where nobody knows."""
        return self.flaky.get(names.of_node(nodeid), 0.0)


def read(path: Path) -> Plan:
    """Return the plan of a file; raises UsageError of pytest if it is none."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return _plan(cast("dict[str, Any]", said))
    except OSError as error:
        raise wrong(f"--golive-plan: {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        hint = "write it with: golive select --format json > plan.json"
        raise wrong(f"--golive-plan: {path} is no plan; {hint}") from None


def _plan(said: Mapping[str, Any]) -> Plan:
    picked = sorted(said["tests"], key=lambda one: one["rank"])
    left_out = list(said.get("left_out", ()))
    flaky = {
        names.of_row(one): float(one["flaky_probability"])
        for one in [*picked, *left_out]
        if one.get("flaky_probability") is not None
    }
    rank = {name: number for number, name in enumerate(map(names.of_row, picked), start=1)}
    return Plan(rank, frozenset(_new(map(names.of_row, left_out), rank)), flaky)


def _new(found: Iterable[names.Name], known: Mapping[names.Name, int]) -> Iterable[names.Name]:
    """Yield those that are not known: the same name of another suite may have been picked."""
    return (one for one in found if one not in known)


def asked(spec: str, project: str, root: Path, folder: Path) -> Path:
    """Have `golive select` write a plan from the lake beside the suite; return its file.

    A process of its own: the engines of the lake stay out of the one that runs the tests.
    """
    change = spec.removeprefix(LAKE).removeprefix(":")
    words = ["select", "--format", "json"]
    words += ["--project", project] if project else []
    words += ["--change", change] if change else []
    script = "from golive_cli.main import main; main()"
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", script, *words], cwd=root, env=child_environment(),
            capture_output=True, text=True, check=False, timeout=ASK_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise wrong(f"--golive-plan={spec}: golive select did not answer: {error}") from None
    if done.returncode:
        raise wrong(f"--golive-plan={spec}: {done.stderr.strip().removeprefix('Error: ')}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "plan.json"
    path.write_text(done.stdout, encoding="utf-8")
    return path
