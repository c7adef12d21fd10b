"""The `story` fixture: a small history in a real lake, told by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from story import Story

from golive_core.lake import Lake


@pytest.fixture
def story(lake: Lake) -> Story:
    """Return an empty history of the project `shop`; its default branch is `main`."""
    told = Story(lake)
    told.add(
        "core.repositories", repository_id="shop-git", project_id="shop", default_branch="main"
    )
    told.add(
        "core.pipelines", pipeline_id="ci:main", project_id="shop", source="jenkins", name="main"
    )
    return told
