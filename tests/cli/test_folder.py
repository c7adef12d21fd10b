"""What was detected once is remembered, and a look at an empty folder does not forget it."""

from __future__ import annotations

from pathlib import Path

import pytest

from golive_cli import folder
from golive_core import settings


@pytest.fixture
def elsewhere(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which golive is started: empty, and not the repository."""
    here = tmp_path / "desk"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_the_repository_of_the_last_time_is_looked_at_again(
    elsewhere: Path, repository: Path
) -> None:
    folder.detected(repository)
    assert folder.looked_at(settings.load()) == repository
    assert set(folder.configured().instances) == {"web-shop-git", "web-shop-reports"}


def test_a_folder_with_nothing_to_read_changes_nothing(elsewhere: Path, repository: Path) -> None:
    folder.detected(repository)
    before = (elsewhere / ".golive" / settings.DETECTED).read_text()
    found = folder.detected(elsewhere)
    assert (found.instances, found.file) == ({}, None)
    assert (elsewhere / ".golive" / settings.DETECTED).read_text() == before


def test_a_repository_that_is_gone_is_not_looked_for(elsewhere: Path, repository: Path) -> None:
    folder.detected(repository)
    repository.rename(repository.with_name("moved"))
    assert folder.looked_at(settings.load()) == elsewhere
