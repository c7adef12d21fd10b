"""Predictions: what will probably fail next and why, and how far the models can be trusted."""

from __future__ import annotations

from dashboards import charts, words
from dashboards.scope import Scope
from dashboards.views.predictions import _changes, _models, _next

TITLE = "Predictions"
ICON = ":material/insights:"
SECTION = "Predictions"
ORDER = 50
QUESTION = "What will probably fail next and why, and how far can the models be trusted?"
READS = (
    "predictions.next_failure",
    "predictions.flaky",
    "marts.test_health",
    "ops.model_runs",
    "core.change_requests",
)
HAS_PERIOD = False


def render(scope: Scope) -> None:
    """Draw the page."""
    total = _next.total(scope).first()
    if not total.get("tests"):
        charts.empty(
            "Nothing is predicted yet",
            "Forecasts need test results; one report is enough for the first, some weeks of them "
            "for good ones.",
            f"golive ingest junit PATH --project {scope.project.id}",
        )
        return
    found = _models.runs(scope)
    risks = _changes.risks(scope)
    charts.headline(
        f"Expect {words.plural(round(total['expected']), 'test')} to fail in the next build",
        f"The sum of the forecasts of {words.plural(total['tests'], 'test')} of "
        f"{scope.project.name}, each attempt taken for itself.",
    )
    charts.metrics(
        [
            ("Failed tests expected", f"{total['expected']:.1f}",
             f"{total['low']:.1f} to {total['high']:.1f} by the tests' own intervals"),
            ("Every test passes", words.percent(total["all_pass"], digits=1),
             "if tests failed independently"),
            ("More likely to fail than not", words.number(total["likely"]), "tests"),
            ("Models at work", words.number(_count(found)), "see their cards below"),
        ]
    )  # fmt: skip
    _changes.draw(risks, scope)
    _next.draw(scope)
    _models.draw(found, scope)


def _count(found: _models.Rows) -> int:
    return found.frame["name"].n_unique() if found.height else 0
