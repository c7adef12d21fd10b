"""Causes of failures: rules and examples against labels given by hand, quotes, and tests."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from models import causes
from models.simulation.causes import FLAKY

LABELLED = Path(__file__).with_name("labelled_failures.jsonl")


def told(kind: str, message: str, details: str = "") -> dict[str, object]:
    failure = pl.DataFrame({"type": [kind], "message": [message], "details": [details]})
    return causes.classify(failure).row(0, named=True)


@pytest.fixture(scope="module")
def judged() -> pl.DataFrame:
    rows = pl.read_ndjson(LABELLED).rename({"cause": "truth"})
    return causes.classify(rows).with_columns(is_right=pl.col("cause") == pl.col("truth"))


def test_most_failures_of_real_projects_are_told_right(judged: pl.DataFrame) -> None:
    unseen = judged.filter(~pl.col("is_seen"))
    assert unseen["is_right"].mean() >= 0.8
    assert unseen.filter(pl.col("cause") != "unknown")["is_right"].mean() >= 0.8


def test_the_confidence_is_about_the_share_that_is_right(judged: pl.DataFrame) -> None:
    assert judged["cause_confidence"].mean() == pytest.approx(judged["is_right"].mean(), abs=0.1)


@pytest.mark.parametrize("cause", FLAKY)
def test_every_cause_of_the_simulator_is_known(cause: str) -> None:
    kind, message = FLAKY[cause]
    found = told(kind, message.format(service="redis:6379", n=12))
    assert found["cause"] == cause


@pytest.mark.parametrize(
    ("kind", "message", "cause"),
    [
        ("java.net.ConnectException", "Connection refused", "network"),
        ("fatal error", "concurrent map iteration and map write", "concurrency"),
        ("System.Net.Sockets.SocketException", "No such host: getaddrinfo ENOTFOUND", "network"),
        ("Playwright", "locator.click: Timeout 30000ms exceeded.", "timeout"),
        ("Errno::EMFILE", "Too many open files - socket(2)", "resource"),
        ("ModuleNotFoundError", "No module named 'psycopg'", "environment"),
        ("AssertionError", "expected 3 to equal 4", "unknown"),
    ],
)
def test_words_of_many_languages(kind: str, message: str, cause: str) -> None:
    assert told(kind, message)["cause"] == cause


def test_the_words_are_quoted_from_the_line_that_says_so() -> None:
    found = told("Error", "step 3 failed\nread ECONNRESET by peer\nbye")
    assert found["cause_evidence"] == "read ECONNRESET by peer"


def test_the_message_counts_more_than_the_stack() -> None:
    found = told("TimeoutError", "no answer within 5 s", "at net.Socket.connection closed (net.js)")
    assert found["cause"] == "timeout"
    assert (
        told("AssertionError", "1 != 2", "OSError: No space left on device")["cause"] == "resource"
    )


def test_an_example_helps_where_no_rule_speaks() -> None:
    failure = pl.DataFrame(
        {"type": ["AssertionError"], "message": ["the shuffled deck equals the sorted one again"],
         "details": [None]}, schema_overrides={"details": pl.String},
    )  # fmt: skip
    assert causes.classify(failure, with_examples=False)["cause"].item() == "unknown"
    assert causes.classify(failure)["cause"].item() == "randomness"


def test_a_test_has_the_cause_of_most_of_its_failures() -> None:
    rows = pl.DataFrame(
        {
            "project_id": ["shop"] * 3,
            "test_id": [1, 1, 1],
            "times": [5, 2, 3],
            "cause": ["network", "timeout", "unknown"],
            "cause_confidence": [0.9, 0.8, 1.0],
            "cause_evidence": ["reset", "late", None],
        }
    )
    [row] = causes.of_tests(rows).to_dicts()
    assert (row["cause"], row["cause_evidence"]) == ("network", "reset")
    assert row["cause_confidence"] == pytest.approx(0.45)


def test_no_failures_have_no_causes() -> None:
    none = pl.DataFrame(schema={"type": pl.String, "message": pl.String, "details": pl.String})
    assert causes.classify(none).height == 0
