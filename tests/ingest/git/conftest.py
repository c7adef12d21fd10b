"""Makes `made_repository` importable, and git deaf to the settings of whoever runs the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_repository import Repo


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the person's settings of git, for this test alone."""
    path = tmp_path / "gitconfig"
    path.write_text('[protocol "file"]\n\tallow = always\n[init]\n\tdefaultBranch = main\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return an empty repository with a work tree."""
    return Repo(tmp_path / "work")
