"""What a page makes of a broken pipeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dashboards import triage

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def pipeline(**cells: Any) -> dict[str, Any]:
    row = {
        "last_number": 7, "failing_since_at": NOW - timedelta(days=2), "failing_builds": 3,
        "failing_since_commit_sha": "b" * 40, "failing_since_author": "Grace",
        "failing_since_subject": "Round prices", "last_good_commit_sha": "a" * 40,
        "last_good_at": NOW - timedelta(days=3),
    }  # fmt: skip
    return row | cells


def case(name: str = "t", **cells: Any) -> dict[str, Any]:
    row = {
        "name": name, "parameters": None, "verdict": "broken", "probability": 0.01,
        "since_sha": "c" * 40, "since_author": "Ada", "since_subject": "Cache the cart",
    }  # fmt: skip
    return row | cells


FLAKY = {"verdict": "flaky", "probability": 0.99}


def test_the_headline_counts_and_names_the_oldest() -> None:
    broken = [pipeline(), pipeline(failing_since_at=NOW - timedelta(hours=3))]
    assert triage.status_sentence(broken, 5, NOW) == "2 pipelines are broken, the oldest for 2 days"
    assert triage.status_sentence(broken[:1], 5, NOW) == "1 pipeline is broken, for 2 days"
    assert (
        triage.status_sentence([pipeline(failing_since_at=None)], 5, NOW) == "1 pipeline is broken"
    )


def test_calm_is_only_claimed_where_builds_ended() -> None:
    assert triage.status_sentence([], 3, NOW) == "Everything is green"
    assert triage.status_sentence([], 1, NOW) == "The pipeline is green"
    assert triage.status_sentence([], 0, NOW) == "No pipeline has finished a build yet"


def test_tests_accuse_the_commit_since_which_they_fail() -> None:
    tests = [case("a"), case("b"), case("c", since_sha="d" * 40, since_author=None)]
    first, second = triage.culprits(pipeline(), tests)
    assert (first.sha, first.author, first.tests) == ("c" * 40, "Ada", ("a", "b"))
    assert (second.sha, second.author, second.tests) == ("d" * 40, None, ("c",))


def test_flaky_tests_accuse_nobody() -> None:
    (only,) = triage.culprits(pipeline(), [case(**FLAKY)])
    assert (only.sha, only.author, only.tests) == ("b" * 40, "Grace", ())


def test_a_build_that_fails_by_flakes_alone_is_run_again() -> None:
    step = triage.advice(pipeline(), [case(**FLAKY), case("u", **FLAKY)])
    assert step.verdict == "flaky"
    assert "run the build again" in step.text


def test_an_unsure_flake_is_treated_as_broken() -> None:
    assert triage.advice(pipeline(), [case(verdict="flaky", probability=0.7)]).verdict == "broken"


def test_outages_send_to_the_runner() -> None:
    tests = [case(verdict="infrastructure"), case("u", **FLAKY)]
    assert triage.advice(pipeline(), tests).verdict == "infrastructure"


def test_a_real_failure_names_whom_to_ask_and_what_to_read() -> None:
    assert (
        triage.advice(pipeline(), [case()]).text
        == "Ask Ada about ccccccc, or read it: git show ccccccc"
    )
    assert triage.advice(pipeline(), []).text.endswith("git log aaaaaaa..bbbbbbb")


def test_what_is_unknown_is_said_not_invented() -> None:
    bare = pipeline(failing_since_commit_sha=None, failing_since_author=None)
    assert triage.advice(bare, []).verdict == "unknown"
    assert "read the log of build 7" in triage.advice(bare, []).text
    assert "No commit is known" in triage.advice(bare, [case(since_sha=None)]).text


def test_how_long_it_fails() -> None:
    assert triage.since(pipeline(), NOW) == "failing for 2 days, 3 builds in a row"
    assert triage.since(pipeline(last_good_at=None), NOW) == "never green in 3 builds"


def test_a_price_names_its_rate_or_is_left_out() -> None:
    assert triage.cost(600, None, 0.008) == "10 min of machine time, $0.08 at $0.008 a minute"
    assert triage.cost(600, 0.5, 0.008) == "10 min of machine time, $0.50 as reported by the source"
    assert triage.cost(600, None, 0) == "10 min of machine time"
    assert triage.cost(None, None, 0.008) == ""
