"""Every page draws itself filled, empty and over a lake that cannot be read; one more is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import catalog, scope
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake

Draw = Callable[..., AppTest]
VIEWS = catalog.views()
SLUGS = [view.slug for view in VIEWS]
PAGE = '''"""A page of somebody else."""
from dashboards import charts

TITLE, ICON, SECTION, ORDER = "Weather", ":material/cloud:", "Tests", 31
QUESTION, READS = "Does it rain?", ("core.builds",)


def render(scope):
    charts.headline("It rains")
'''


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def text(app: AppTest) -> str:
    parts = [
        one.value for kind in ("title", "subheader", "caption", "code") for one in app.get(kind)
    ]
    return " ".join(parts) + html(app)


def test_pages_come_in_the_order_of_the_navigation() -> None:
    assert [view.order for view in VIEWS] == sorted(view.order for view in VIEWS)
    assert (SLUGS[0], len(set(SLUGS))) == ("today", len(SLUGS))
    assert {"builds", "tests", "failures", "quarantine", "coverage", "health"} <= set(SLUGS)
    assert {"delivery", "incidents", "logs", "code", "settings"} <= set(SLUGS)
    assert all(view.question.endswith("?") for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=SLUGS)
def test_a_page_says_what_it_reads(view: catalog.View) -> None:
    for table in view.reads:
        layer, _, name = table.partition(".")
        known = Path(catalog.__file__).parents[1] / "assets" / "marts" / f"{name}.sql"
        assert known.exists() if layer == "marts" else schema.find(table)


NOT_IN_THE_DEMO = {
    "ask", "settings",  # they show what somebody asks or sets
    "journeys", "visual", "checks",  # what a real browser or server did: nothing simulates that
    "covered", "reruns",  # what a real suite ran
}  # fmt: skip


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug not in NOT_IN_THE_DEMO])
def test_a_filled_page_shows_figures_with_their_sql(draw: Draw, filled: Path, slug: str) -> None:
    app = draw(filled, slug)
    assert not app.exception
    assert "gl-empty" not in html(app)
    assert app.title[0].value
    figures = [one.value for one in app.subheader]
    queries = [one.value for one in app.code]
    assert len(figures) >= 2
    assert len(queries) >= len(figures)
    assert all("$" not in sql for sql in queries)


@pytest.mark.parametrize(
    "view", [view for view in VIEWS if view.needs_project], ids=lambda v: v.slug
)
def test_an_empty_lake_says_how_to_fill_it(draw: Draw, home: Path, view: catalog.View) -> None:
    app = draw(home, view.slug)
    assert not app.exception
    assert "Nothing to show yet" in html(app)
    assert "golive up" in app.code[0].value


@pytest.mark.parametrize("slug", ["today", "builds", "tests"])
def test_a_project_without_builds_says_which_command_brings_them(
    draw: Draw, lake: Lake, home: Path, slug: str
) -> None:
    lake.merge("core.projects", schema.conform(schema.PROJECTS, one_project()))
    app = draw(home, slug)
    assert not app.exception
    assert "gl-empty" in html(app)
    assert app.code[-1].value == "golive ingest junit PATH --project shop"


def one_project():
    import polars as pl

    return pl.DataFrame({"project_id": ["shop"], "name": ["Shop"]})


def test_without_sources_the_health_page_still_speaks(draw: Draw, home: Path) -> None:
    app = draw(home, "health")
    assert not app.exception
    assert app.title[0].value == "No source has been asked yet"
    assert "golive init" in [one.value for one in app.code]


def test_the_health_page_tells_pauses_and_what_is_left_of_quotas(draw: Draw, filled: Path) -> None:
    app = draw(filled, "health")
    shown = html(app)
    assert app.title[0].value == "1 source needs mending"
    assert "<b>Paused</b> until " in shown
    assert "4\u2009187 of 5\u2009000 requests left, full again in " in shown
    assert "aria-label='6 of 350 requests left'" in shown
    assert re.search(r"lag 5\d minutes \(newest event\)", shown)  # as old as the demo is by now
    assert "<b>ci: https://ci.example.org answered 401</b>" in shown
    assert "<b>tracker" not in shown


@pytest.mark.parametrize("slug", SLUGS)
def test_a_lake_of_a_newer_version_is_told_kindly(draw: Draw, broken: Path, slug: str) -> None:
    app = draw(broken, slug)
    assert not app.exception
    assert "role='alert'" in html(app)
    assert "Update GoLive" in html(app)
    assert app.code[-1].value == "golive doctor"


def test_a_simulated_project_is_labelled_on_every_page(draw: Draw, filled: Path) -> None:
    for view in VIEWS:
        shown = html(draw(filled, view.slug))
        assert ("made by golive simulate" in shown) == view.needs_project


def test_today_says_what_broke_since_when_and_what_to_do(draw: Draw, filled: Path) -> None:
    app = draw(filled, "today")
    state = Lake(filled / "lake").query(
        "select * from marts.pipeline_state where is_main_line and last_status <> 'passed'"
    )
    assert state.height
    assert app.title[0].value.startswith(f"{state.height} pipeline")
    shown = html(app)
    for row in state.to_dicts():
        assert row["pipeline_name"] in shown
        assert f"{row['failing_builds']} build" in shown
    assert "<b>Next</b>" in shown
    assert "of machine time" in shown


def test_the_project_in_the_url_is_shown(draw: Draw, filled: Path) -> None:
    app = draw(filled, "builds", project="demo", days="7")
    assert app.selectbox(key="days").value == "7"
    assert "7 days to" in text(app)


def test_a_chosen_period_goes_into_the_url(draw: Draw, filled: Path) -> None:
    app = draw(filled, "builds")
    app.selectbox(key="days").select("14").run()
    assert app.query_params["days"] in ("14", ["14"])
    assert "14 days to" in text(app)


def test_a_filter_that_does_not_exist_falls_back(draw: Draw, filled: Path) -> None:
    app = draw(filled, "builds", project="gone", days="-1")
    assert (app.selectbox(key="project").value, app.selectbox(key="days").value) == ("demo", "30")


def test_a_build_in_the_url_is_shown_in_depth(draw: Draw, filled: Path) -> None:
    found = Lake(filled / "lake").query(
        "select build_id, number from core.builds where status = 'failed' "
        "order by queued_at desc limit 1"
    ).row(0, named=True)  # fmt: skip
    app = draw(filled, "builds", build=found["build_id"])
    assert not app.exception
    assert str(found["number"]) in app.title[0].value
    assert {"Stages", "Failed tests"} <= {one.value for one in app.subheader}


def test_a_test_in_the_url_is_shown_with_its_history(draw: Draw, filled: Path) -> None:
    found = Lake(filled / "lake").query(
        "select test_id, name from marts.flaky_tests where verdict = 'flaky' order by rank limit 1"
    ).row(0, named=True)  # fmt: skip
    app = draw(filled, "tests", test=str(found["test_id"]))
    assert not app.exception
    assert {"History", "Durations", "Why it failed"} <= {one.value for one in app.subheader}
    assert app.metric[0].label == "Probability of being flaky"
    assert app.metric[0].value not in ("100 %", "0 %")


@pytest.mark.parametrize(
    ("slug", "query"), [("builds", {"build": "x#1"}), ("tests", {"test": "no"})]
)
def test_a_link_to_nothing_says_so(
    draw: Draw, filled: Path, slug: str, query: dict[str, str]
) -> None:
    app = draw(filled, slug, **query)
    assert not app.exception
    assert "No such" in html(app)


def test_a_new_page_is_one_file(
    tmp_path: Path, draw: Draw, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "views"
    (folder / "sky").mkdir(parents=True)
    (folder / "sky" / "weather.py").write_text(PAGE)
    (view,) = catalog.views(folder)
    assert (view.slug, view.title, view.section, view.order) == ("weather", "Weather", "Tests", 31)
    monkeypatch.setattr(catalog, "views", lambda: [view])
    assert draw(filled, "weather").title[0].value == "It rains"


def test_a_page_that_declares_too_little_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "sky").mkdir()
    (tmp_path / "sky" / "weather.py").write_text('"""Nothing."""\nTITLE = "Weather"\n')
    with pytest.raises(UsageError, match=r"ICON.*render"):
        catalog.views(tmp_path)


def test_real_projects_come_before_the_demo(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    (only,) = scope.projects()
    assert (only.id, only.is_simulated, only.name) == ("demo", True, "Demo (simulated)")
    assert only.newest_day


def test_a_question_in_the_url_is_answered_and_goes_on(draw: Draw, filled: Path) -> None:
    app = draw(filled, "ask", q="Which pipeline fails most often?")
    assert not app.exception
    assert [one.value for one in app.text][1].startswith("Failed builds by pipeline in the last 30")
    assert app.subheader[0].value == "Failed builds by pipeline"
    assert "from core.builds" in app.code[0].value
    app.chat_input[0].set_value("only on main").run()
    said = [one.value for one in app.text]
    assert said[2] == "only on main"
    assert "branch main" in said[3]
    assert app.query_params["q"] == "only on main"


def test_a_page_without_a_question_offers_some(draw: Draw, filled: Path) -> None:
    app = draw(filled, "ask")
    assert app.title[0].value == "What do you want to know?"
    app.button(key="first-Failure rate per day").click().run()
    assert not app.exception
    assert app.text[0].value == "Failure rate per day"


def test_what_cannot_be_answered_is_said_with_other_questions(draw: Draw, filled: Path) -> None:
    app = draw(filled, "ask", q="What is the weather?")
    assert "weather" in [one.value for one in app.text][1]
    assert len([one for one in app.button if one.key.startswith("instead-")]) == 4


def test_the_sql_of_an_answer_can_be_changed_and_stays_in_the_sandbox(
    draw: Draw, filled: Path
) -> None:
    app = draw(filled, "ask", q="How many builds failed this year?")
    app.text_area(key="ask-sql-0").set_value("select count(*) as c from core.tests").run()
    app.button(key="ask-run-0").click().run()
    assert app.dataframe[-1].value["c"].tolist() == [600]
    app.text_area(key="ask-sql-0").set_value("select * from read_csv('/etc/passwd')").run()
    app.button(key="ask-run-0").click().run()
    assert not app.exception
    assert "This cannot be shown" in html(app)
