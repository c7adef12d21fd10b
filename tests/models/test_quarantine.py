"""Who may be quarantined, case by case: doubt keeps a test out."""

from __future__ import annotations

from typing import Any

import polars as pl
from daily import at, failing, frame, passing

from models import features, flaky, quarantine

NOW = at(30)
FLAKY = {"runs": 200, "trials": 206, "flakes": 12}


def decide(*rows: dict[str, object]) -> dict[str, Any]:
    """Return the decision on test 1 among 200 healthy tests."""
    daily = frame(*rows, *(passing(test, 0, runs=400) for test in range(100, 300)))
    evidence = features.evidence(daily, as_of=NOW)
    verdicts, _ = flaky.score(daily, as_of=NOW, made_at=NOW)
    found = quarantine.decisions(verdicts, evidence)
    told = found.with_columns(allowed=quarantine.allowed())
    assert told.filter(pl.col("test_id") >= 100)["allowed"].any() is False
    return told.filter(test_id=1).row(0, named=True)


def test_a_flaky_test_with_a_pass_on_the_same_commit_may_be_quarantined() -> None:
    found = decide(passing(1, 0, **FLAKY, mixed_commits=3))
    assert (found["allowed"], found["hold"], found["doubt"]) == (True, None, 0.0)


def test_a_broken_test_never_is() -> None:
    found = decide(passing(1, 0, **FLAKY, mixed_commits=3), failing(1, 5, runs=30))
    assert (found["verdict"], found["allowed"]) == ("broken", False)


def test_a_flaky_test_that_fails_now_is_held_back_while_it_could_be_broken() -> None:
    found = decide(passing(1, 0, **FLAKY, mixed_commits=3), failing(1, 5, runs=1))
    assert found["verdict"] == "flaky"
    assert 0.05 < found["doubt"] < quarantine.LEAVE
    assert "fails now, 1 attempts in a row" in found["hold"]
    assert not found["allowed"]


def test_the_doubt_grows_with_each_failure_in_a_row() -> None:
    past = passing(1, 0, runs=60, trials=80, flakes=40, retry_passes=20)
    doubts = [decide(past, failing(1, 5, runs=n))["doubt"] for n in (1, 2, 4)]
    assert doubts == sorted(set(doubts))


def test_flips_alone_could_be_regressions_until_there_are_several() -> None:
    assert "could have been a regression" in decide(passing(1, 0, **FLAKY, flips=2))["hold"]
    assert decide(passing(1, 0, **FLAKY, flips=3))["allowed"]
