"""A world on the loopback, and the instance that stands for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from action_case import Case, World
from loopback import serving

from golive_actions.action import Action, Outcome, perform
from golive_actions.target import Target
from golive_core.http import Retry
from golive_core.lake import Lake
from golive_core.settings import Instance

QUICK = Retry(first_s=0.01, attempts=3, total_s=5, chance=lambda: 0.0)
SECRET = "right-token"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be patient for milliseconds, and have a token."""
    monkeypatch.setattr(Target, "retry", QUICK)
    monkeypatch.setenv("ACTION_TOKEN", SECRET)
    monkeypatch.setenv("HOOK_SECRET", "hook-secret-value")


@pytest.fixture
def world() -> Iterator[World]:
    with serving(World(token=SECRET)) as server:
        yield server


class Stage:
    """One case on its world."""

    def __init__(self, module: ModuleType, case: Case, world: World, lake: Lake) -> None:
        self.case, self.world, self.lake = case, world, lake
        options = {"url": world.url, "token": "env:ACTION_TOKEN", **module.OPTIONS}
        self.instance = Instance("it", module.TYPE, "shop", options)
        world.answers = dict(case.answers)

    def perform(self, *, dry_run: bool = False, **more: Any) -> Outcome:
        parameters = {**self.case.parameters, **more.pop("parameters", {})}
        action = Action(self.case.verb, self.instance, parameters, more.pop("key", ""))
        settings = {"actor": "ada", **more}
        return perform(action, dry_run=dry_run, lake=self.lake, **settings)

    def phases(self) -> list[str]:
        if not self.lake.exists("ops.audit_log"):
            return []
        return self.lake.query("select phase from ops.audit_log order by number")["phase"].to_list()


@pytest.fixture
def staged(world: World, lake: Lake) -> Callable[[ModuleType, Case], Stage]:
    """Return what puts a case on the stage."""
    return lambda module, case: Stage(module, case, world, lake)
