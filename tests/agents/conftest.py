"""One lake for all questions: the simulated project, as golive simulate and golive run leave it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets import predictions, refresh
from golive_agents.chat_assistant import Assistant
from golive_cli.demo import write_simulation
from golive_core.lake import Lake

sys.path.insert(0, str(Path(__file__).parent))

NOW = datetime(2026, 3, 31, 18, tzinfo=UTC)


@pytest.fixture(scope="session")
def asked_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return the lake that `golive_agents/evaluation/questions.toml` speaks of."""
    home = tmp_path_factory.mktemp("asked") / ".golive"
    write_simulation(home, project="demo", seed=7, builds=400, tests=600, days=30, end=NOW)
    lake = Lake(home / "lake")
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    predictions.score(lake, made_at=NOW)
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    return lake


@pytest.fixture
def assistant(asked_lake: Lake) -> Assistant:
    """Return an assistant to whom today is the last day of the lake."""
    return Assistant(asked_lake, project="demo", clock=lambda: NOW)
