"""What the pages about failures, builds, tests and coverage say of the demo project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import boards, optional, theme
from dashboards.data import Rows
from dashboards.views.pipelines import _stages
from dashboards.views.predictions import _models
from dashboards.views.tests import quarantine, selection
from dashboards.views.today import _did
from golive_core.lake import Lake

Draw = Callable[..., AppTest]


@pytest.fixture
def lake(filled: Path) -> Lake:
    """Return the lake of the demo project."""
    return Lake(filled / "lake")


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def figures(app: AppTest) -> list[str]:
    return [one.value for one in app.subheader]


# ---------------------------------------------------------------- failures


def test_failures_count_what_is_new_and_back(draw: Draw, filled: Path, lake: Lake) -> None:
    app = draw(filled, "failures")
    new, back = lake.query(
        "select count(*) filter (is_new), count(*) filter (is_back) from marts.failure_signatures"
    ).row(0)
    assert new + back > 0
    told = {one.label: one.value for one in app.metric}
    mended = int(told["Mended"])
    assert int(told["New"]) + int(told["Back"]) in range(new + back - mended, new + back + 1)
    assert set(figures(app)) == {"Look at these first", "All failures"}
    assert "Failed attempts by day" in html(app)


def test_a_state_in_the_url_filters_the_failures(draw: Draw, filled: Path) -> None:
    app = draw(filled, "failures", state="mended")
    shown = app.dataframe[0].value
    assert shown.height if isinstance(shown, pl.DataFrame) else len(shown)
    assert set(shown["state"]) == {"✓ mended"}


def test_a_failure_that_ended_names_the_commit_that_ended_it(
    draw: Draw, filled: Path, lake: Lake
) -> None:
    fix = lake.query(
        "select fix.signature_id, fix.good_sha, fix.test_id from marts.failure_fixes as fix "
        "inner join marts.failure_signatures as known on fix.signature_id = known.signature_id "
        "qualify row_number() over (partition by fix.test_id, fix.bad_sha order by fix.fixed_at) "
        "= 1 order by fix.fixed_at desc limit 1"
    ).row(0, named=True)  # fmt: skip
    app = draw(filled, "failures", failure=str(fix["signature_id"]))
    assert not app.exception
    assert {"How often", "What ended it before", "What it says", "Builds"} <= set(figures(app))
    assert fix["good_sha"][:7] in html(app)
    assert "pass again after" in html(app)


def test_a_failure_that_is_not_there_is_told(draw: Draw, filled: Path) -> None:
    assert "No such failure" in html(draw(filled, "failures", failure="1"))


def test_bars_are_as_high_as_their_values_and_text_cannot_become_html() -> None:
    drawn = boards.spark([0, 1, 4], theme.STATUS["failed"], "<b>by day</b>")
    assert "height:26px" in drawn
    assert "height:6px" in drawn or "height:7px" in drawn
    assert "<b>" not in drawn


# ---------------------------------------------------------------- one build


def test_a_failed_build_shows_the_lines_that_are_new_in_its_log(
    draw: Draw, filled: Path, lake: Lake
) -> None:
    build = lake.query(
        "select build_id from marts.new_templates_by_build order by day desc, build_id limit 1"
    ).item()
    app = draw(filled, "builds", build=build)
    assert not app.exception
    assert {"Stages", "Failed tests", "Log", "New in this log", "Artifacts"} <= set(figures(app))
    shown = html(app)
    assert "<em>new</em>" in shown
    assert "lost its connection to postgres" in shown
    assert "Compiling shop/module_3" not in shown  # only what is new is shown at first
    assert any("reports/junit.xml" in str(one.value) for one in app.dataframe)


def test_failed_tests_of_a_build_come_by_what_they_say(
    draw: Draw, filled: Path, lake: Lake
) -> None:
    found = lake.query(
        "select build_id, max(tests) as tests from marts.failure_builds "
        "where tests between 4 and 20 group by build_id order by build_id limit 1"
    ).row(0, named=True)  # fmt: skip
    shown = html(draw(filled, "builds", build=found["build_id"]))
    assert f"{found['tests']} tests" in shown
    assert "first seen" in shown


def test_stages_stand_behind_the_wait_and_one_after_the_other() -> None:
    stages = pl.DataFrame(
        {
            "name": ["a", "b"], "attempt": [1, 2], "status": ["passed", "failed"],
            "started_at": pl.Series([None, None], dtype=pl.Datetime("us", "UTC")),
            "duration_s": [2.0, None],
        }
    )  # fmt: skip
    placed = _stages.placed(stages, {"queue_s": 3.0, "queued_at": None})
    assert placed["label"].to_list() == [_stages.WAIT, "a", "b (2)"]
    assert placed["start_s"].to_list() == [0.0, 3.0, 5.0]
    assert placed["end_s"].to_list() == [3.0, 5.0, 5.0]


# ---------------------------------------------------------------- quarantine, coverage, today


@pytest.mark.parametrize(
    ("verdict", "left", "state"),
    [
        ("broken", 9, "broken"), ("broken", -1, "broken"), ("flaky", 0, "expired"),
        ("healthy", 5, "healed"), ("flaky", 2, "ends soon"), ("flaky", 9, "holds"),
        (None, 9, "holds"),
    ],
)  # fmt: skip
def test_a_broken_test_is_never_held(verdict: str | None, left: int, state: str) -> None:
    assert quarantine.state(verdict, left) == state


@pytest.mark.usefixtures("set_aside")
def test_entries_that_expired_or_hide_a_broken_test_should_come_out(
    draw: Draw, filled: Path
) -> None:
    app = draw(filled, "quarantine")
    entries = app.dataframe[0].value
    assert app.title[0].value == "4 tests are set aside, 2 should come out"
    assert {"○ expired", "✕ broken: mend it", "… ends soon"} <= set(entries["state"])
    assert set(app.dataframe[1].value["decision"].str[:1]) <= {"✓", "✕"}


@pytest.fixture
def set_aside(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the settings be looked for beside the demo's home, where its quarantine file is."""
    monkeypatch.setenv("GOLIVE_BASE", str(filled.parent))


def test_an_entry_without_a_test_in_the_lake_keeps_what_the_file_says() -> None:
    entry = {
        "project": "demo", "test": {"name": "gone", "class": "K"}, "owner": "@a",
        "expires": date(2026, 3, 9),
    }  # fmt: skip
    (row,) = quarantine.set_aside([entry], pl.DataFrame(), date(2026, 3, 2)).to_dicts()
    assert (row["test"], row["state"], row["left"], row["owner"]) == ("gone", "holds", 7, "@a")


def test_the_coverage_map_ranks_files_by_risk(draw: Draw, filled: Path, lake: Lake) -> None:
    app = draw(filled, "coverage")
    worst = lake.query(
        "select repository_path from marts.coverage_map order by risk desc limit 1"
    ).item()
    assert app.dataframe[0].value["path"][0] == worst
    assert app.metric[0].label == "Line coverage"


def test_today_says_what_golive_did(draw: Draw, filled: Path) -> None:
    shown = html(draw(filled, "today"))
    assert theme.code("jira.create_issue") in shown
    assert "to #shop" in shown
    assert "Kept 1 row out of" in shown


def test_what_failed_or_was_only_tried_is_marked() -> None:
    row = {"kind": "action", "what": "a.b", "whom": "<x>", "outcome": "dry_run", "times": 1}
    assert "dry run" in _did.sentence(row)
    assert "<x>" not in _did.sentence(row)


def test_predictions_sum_up_and_show_how_good_the_models_are(
    draw: Draw, filled: Path, lake: Lake
) -> None:
    app = draw(filled, "predictions")
    assert not app.exception
    expected = lake.query("select sum(probability) from predictions.next_failure").item()
    assert app.metric[0].value == f"{expected:.1f}"
    assert {"Lift over the plain rule", "Calibration", "Model cards"} <= set(figures(app))
    tables = [one.value for one in app.dataframe]
    assert "✓ says what it means" in set(tables[1]["verdict"])
    assert {"flaky", "next_failure"} <= {one.label.split(" ")[0] for one in app.expander}


def test_evaluations_keep_the_newest_of_each_model_and_project() -> None:
    at = pl.datetime_range(date(2026, 3, 1), date(2026, 3, 3), eager=True, time_zone="UTC")
    frame = pl.DataFrame(
        {
            "name": ["a", "a", "a"], "project_id": ["p", "p", "p"],
            "kind": ["evaluate", "evaluate", "score"], "at": at, "reason": [None, None, None],
            "metrics": ['{"lift": 0.2}', '{"lift": 0.1, "ece": 0.01}', "{}"],
        }
    ).sort("at", descending=True)  # fmt: skip
    (row,) = _models.evaluations(Rows(frame, "")).to_dicts()
    assert (row["lift"], row["ece"]) == (0.1, 0.01)


def test_more_time_catches_more_and_the_share_comes_from_the_url(draw: Draw, filled: Path) -> None:
    few, all_of_it = (draw(filled, "selection", share=share) for share in ("0.2", "1"))
    assert few.title[0].value.startswith("20 % of the test time catches ")
    assert all_of_it.metric[0].value == "100.0 %"
    assert int(few.metric[2].value) < int(all_of_it.metric[2].value)
    assert {"✓ runs"} == set(all_of_it.dataframe[0].value["picked"])


def test_the_misses_listed_are_those_that_the_share_leaves_out(
    draw: Draw, filled: Path, lake: Lake
) -> None:
    left_out = lake.query(
        "select count(*) from predictions.selection_misses where project_id = 'demo' and share > .2"
    ).item()
    assert left_out > 0
    few = draw(filled, "selection", share="0.2")
    assert len(few.dataframe[0].value) == min(left_out, selection.LISTED)


def test_tests_without_a_known_duration_count_as_the_median_one() -> None:
    frame = pl.DataFrame({"probability": [0.5, 0.25, 0.25], "duration_s": [1.0, None, 3.0]})
    made = selection.ranked(frame)
    assert made["time_s"].to_list() == [1.0, 2.0, 3.0]
    assert made["share"].to_list() == pytest.approx([1 / 6, 0.5, 1.0])


@pytest.fixture
def models_told(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the tables of models that may not be there have rows; return the test they are about."""
    test = lake.query("select test_id from marts.flaky_tests where rank = 1").item()
    signature = lake.query(
        "select signature_id from marts.failure_tests where test_id = ? "
        "order by failures desc limit 1", [test],
    ).item()  # fmt: skip
    told = {
        "predictions.flaky_details": {
            "test_id": test, "signature_id": signature, "cause": "concurrency",
            "cause_confidence": 0.8, "cluster_id": 7, "cost_usd_week": 12.0,
        },
        "predictions.flaky_clusters": {
            "cluster_id": 7, "tests": 3, "together": 9, "lift": 14.2, "by_chance": 1e-6,
            "cause": "concurrency", "cause_confidence": 0.8, "shared": ["All <write> orders"],
        },
        "predictions.build_failure": {
            "subject_kind": "branch", "subject_id": "r:f", "branch": "feature/f", "low": 0.5,
            "pipeline_id": "demo:build", "probability": 0.62, "high": 0.7, "told_by": "branch rate",
            "reasons": ["its last 3 builds failed"], "cases": ["demo:build#7 failed"], "lift": 0.1,
        },
        "predictions.change_points": {
            "name": "test_<slow>", "parameters": None, "before_s": 1.0, "after_s": 3.0,
            "ratio": 3.0, "cost_s_week": 120.0, "since_sha": "abcdef123456", "since_at": None,
        },
    }  # fmt: skip

    def rows(sql: str, *tables: str, **_: object) -> Rows:
        known = [told[name] for name in tables if name in told]
        return Rows(pl.DataFrame(known), sql)

    monkeypatch.setattr(optional, "rows", rows)
    return test


def test_what_models_tell_is_shown_where_they_tell_it(
    draw: Draw, filled: Path, models_told: int
) -> None:
    board = draw(filled, "tests")
    assert not board.exception
    first = board.dataframe[0].value
    assert (first["cause"][0], first["cluster"][0], first["cost"][0]) == (
        "concurrency", "#1", "$12.00",
    )  # fmt: skip
    assert "All &lt;write&gt; orders" in html(board)
    assert "costs 2 min a week" in html(board)
    assert "test_<slow>" not in html(board)
    risks = html(draw(filled, "predictions"))
    assert "feature/f" in risks
    assert "fails with 62 %" in risks
    assert "demo:build#7 failed" in risks
    assert set(draw(filled, "failures").dataframe[0].value["verdict"]) >= {"≈ flaky, concurrency"}


def test_a_table_that_nobody_declared_gives_no_rows(filled: Path, monkeypatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    asked = optional.rows(
        "select * from predictions.weather where project_id = $project",
        "predictions.weather", project="demo",
    )  # fmt: skip
    assert asked.is_empty
    assert asked.sql.endswith("project_id = 'demo'")
