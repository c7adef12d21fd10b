"""A world on the loopback, and the instance that stands for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from action_case import Case, World
from action_stage import SECRET, Stage
from loopback import serving

from golive_actions.target import Target
from golive_core.http import Retry
from golive_core.lake import Lake

QUICK = Retry(first_s=0.01, attempts=3, total_s=5, chance=lambda: 0.0)


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


@pytest.fixture
def staged(world: World, lake: Lake) -> Callable[[ModuleType, Case], Stage]:
    """Return what puts a case on the stage."""
    return lambda module, case: Stage(module, case, world, lake)
