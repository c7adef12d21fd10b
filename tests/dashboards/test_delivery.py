"""The page Delivery: DORA's five metrics of a small story, and the rule that can be tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import intervals
from dashboards.data import Rows
from dashboards.views.delivery.delivery import figures
from dashboards.words import NOTHING

Draw = Callable[..., AppTest]


def rows(**columns: list) -> Rows:
    return Rows(pl.DataFrame(columns), "select 1")


def test_the_five_metrics_of_a_month() -> None:
    deployments = rows(
        is_good=[True] * 8 + [False] * 2,
        is_failure=[True, True] + [False] * 8,
        is_rework=[False, False, True] + [False] * 7,
        recovery_s=[3600.0, 7200.0] + [None] * 8,
    )
    leads = rows(lead_s=[3600.0 * n for n in range(1, 12)])
    lead, frequency, recovery, failed, rework = figures(deployments, leads, 28)
    assert (lead["value"], lead["n"]) == ("6 h", "11 commits")
    assert lead["range"] == "3 h\u201310 h"
    assert (frequency["value"], frequency["n"]) == ("2.0 a week", "8 deployments")
    assert recovery["value"] == "1 h 30 min"
    assert recovery["range"] == ""
    assert (failed["value"], failed["n"]) == ("25 %", "2 of 8")
    assert (rework["value"], rework["n"]) == ("12 %", "1 of 8")


def test_a_month_without_deployments_claims_nothing() -> None:
    nothing = figures(rows(), rows(), 30)
    assert [one["value"] for one in nothing] == [NOTHING, "0.0 a week", NOTHING, NOTHING, NOTHING]
    assert {one["range"] for one in nothing} == {""}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.213), (5, 10, 0.269, 0.731), (10, 10, 0.787, 1.0), (50, 1000, 0.040, 0.063)],
)
def test_shares_have_the_score_interval(
    successes: int, trials: int, low: float, high: float
) -> None:
    found = intervals.rate(successes, trials)
    assert found == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_counts_have_nearly_the_exact_interval_of_poisson() -> None:
    from scipy.stats import chi2

    for events in (1, 3, 10, 100):
        low, high = intervals.count(events)
        assert low == pytest.approx(chi2.ppf(0.05, 2 * events) / 2, rel=0.05, abs=0.02)
        assert high == pytest.approx(chi2.ppf(0.95, 2 * events + 2) / 2, rel=0.02)
    assert intervals.count(0)[0] == 0.0


def test_the_demo_tells_how_it_ships(draw: Draw, filled: Path) -> None:
    app = draw(filled, "delivery")
    assert not app.exception
    assert "deployments" in app.title[0].value
    labels = [one.label for one in app.metric]
    assert labels == [
        "Change lead time", "Deployment frequency", "Failed deployment recovery",
        "Change fail rate", "Deployment rework rate",
    ]  # fmt: skip
    assert all(one.value != NOTHING for one in app.metric)


def test_a_rule_can_be_tried(draw: Draw, filled: Path) -> None:
    app = draw(filled, "delivery", days="90")
    rates: set[str] = set()
    for hours in (1, 240):  # which incidents are near a deployment hangs on the time of day
        app.number_input(key="hours").set_value(hours).run()
        assert not app.exception
        assert f"incident_hours = {hours}" in app.code[-1].value
        rates.add(app.metric[3].value)
    assert len(rates) == 2


def test_one_service_alone(draw: Draw, filled: Path) -> None:
    app = draw(filled, "delivery", service="checkout")
    assert not app.exception
    tables = [one.value for one in app.dataframe]
    assert set(tables[-1]["service"]) == {"checkout"}


def test_without_deployments_it_says_what_would_bring_them(draw: Draw, home: Path) -> None:
    app = draw(home, "delivery")
    assert not app.exception
