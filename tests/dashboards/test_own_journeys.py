"""GoLive's own pages, tested by the journeys that it runs for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.journey_runs import Wanted, documents, run
from golive_core.artifacts import ArtifactStore

JOURNEYS = Path(__file__).parents[1] / "journeys"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_journeys_through_our_own_pages_get_through(address: str, tmp_path: Path) -> None:
    files = documents([JOURNEYS])
    assert len(files) >= 4
    finished = run(Wanted(files, tmp_path, JOURNEYS.parent, base=address))
    told = [(one.name, one.status, one.message) for one in finished.attempts]
    assert finished.wrong == {}
    assert [one for one in told if one[1] != "passed"] == []
    pictures = [
        one.sha256 for attempt in finished.attempts for step in attempt.steps
        for one in step.evidence if one.kind == "screenshot"
    ]  # fmt: skip
    assert all(sha in ArtifactStore(tmp_path) for sha in pictures)
    assert len(set(pictures)) > len(files)
