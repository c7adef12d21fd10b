"""What the frame gives every page: filters in the URL, past days, notebooks, words for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboards import behind, charts, data, moment, notebook, sources
from dashboards.behind import Figure
from golive_cli.main import build
from golive_core.errors import LakeError, QueryError, UsageError
from golive_core.lake import Lake

Draw = Callable[..., AppTest]
COUNT = "select count(*) as n from core.projects"


def projects(lake: Lake, *names: str) -> datetime:
    """Add projects and return an instant after that and before anything later."""
    lake.merge("core.projects", pl.DataFrame({"project_id": list(names)}))
    return lake.manifest().committed_at


# ---------------------------------------------------------------- the past


def test_everything_that_pages_read_is_as_it_was_then(lake: Lake) -> None:
    then = projects(lake, "a")
    projects(lake, "b", "c")
    with moment.held(then):
        found = data.rows(COUNT)
    assert (found.first(), found.as_of, found.written_at) == ({"n": 1}, then, then)
    assert data.rows(COUNT).first() == {"n": 3}


def test_a_mart_that_came_later_was_not_there_then(lake: Lake) -> None:
    then = projects(lake, "a")
    lake.overwrite("marts.weather", pl.DataFrame({"rain": [True]}))
    with moment.held(then):
        assert data.rows("select rain from marts.weather").is_empty
        assert data.missing(["marts.weather"]) == ["marts.weather"]
    assert data.rows("select rain from marts.weather").height == 1


def test_before_the_first_commit_the_lake_was_empty(lake: Lake) -> None:
    then = projects(lake, "a")
    with moment.held(then - timedelta(seconds=1)):
        assert data.rows(COUNT).first() == {"n": 0}
        assert data.written_at() is None
    assert data.kept_since() == then


def test_what_is_not_kept_any_more_is_told(lake: Lake) -> None:
    first = projects(lake, "a")
    projects(lake, "b")
    projects(lake, "c")
    lake.vacuum(timedelta(0))
    with moment.held(first), pytest.raises(LakeError, match="nothing is kept as of"):
        data.rows(COUNT)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        (None, None),
        ("2026-01-31", datetime(2026, 1, 31, 23, 59, 59, 999999, UTC)),
        ("2026-01-31T12:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00 01:00", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        ("9999-12-30", None),
    ],
)
def test_a_moment_in_the_url_is_a_day_or_a_time(text: str | None, found: datetime | None) -> None:
    assert moment.parse(text) == found


def test_a_moment_that_is_none_is_refused_with_an_example() -> None:
    with pytest.raises(UsageError, match="is not a time") as error:
        moment.parse("yesterday")
    assert "2026-01-31" in error.value.hint


def test_a_moment_in_words() -> None:
    assert moment.told(moment.parse("2026-01-31") or datetime.now(UTC)).startswith("the end of 31")
    assert moment.told(datetime(2026, 1, 31, 12, tzinfo=UTC)) == "31 Jan 2026, 12:00 UTC"


def test_a_page_of_the_past_says_so_and_leads_back(draw: Draw, filled: Path) -> None:
    lake = Lake(filled / "lake")
    then = lake.manifest().committed_at.isoformat()
    app = draw(filled, "builds", as_of=then)
    assert "The past" in " ".join(str(one.proto.body) for one in app.get("html"))
    assert app.title[0].value
    app.button(key="to-now").click().run()
    assert "as_of" not in app.query_params
    assert "The past" not in " ".join(str(one.proto.body) for one in app.get("html"))


def test_a_page_before_all_data_has_nothing_and_no_error(draw: Draw, filled: Path) -> None:
    app = draw(filled, "builds", as_of="2001-01-01")
    assert not app.exception
    assert "gl-empty" in " ".join(str(one.proto.body) for one in app.get("html"))


def test_a_wrong_moment_in_the_url_is_told(draw: Draw, filled: Path) -> None:
    app = draw(filled, "builds", as_of="soon")
    assert "is not a time" in " ".join(str(one.proto.body) for one in app.get("html"))


# ---------------------------------------------------------------- filters in the URL


def _filtered() -> None:
    import streamlit as st

    from dashboards import filters

    st.session_state["got"] = (
        filters.choice("verdict", {"": "All", "flaky": "Flaky"}),
        filters.several("level", {"e": "Errors", "w": "Warnings"}),
        filters.text("q", label="Find"),
        filters.switch("new", label="New"),
        filters.number("p", 0.0, 1.0, 0.5, step=0.1, label="From"),
        filters.segments("by", {"day": "Day", "week": "Week"}),
    )


def test_a_link_brings_every_filter() -> None:
    app = AppTest.from_function(_filtered)
    for name, value in {"verdict": "flaky", "level": ["e", "w"], "q": "cart", "new": "1",
                        "p": "0.8", "by": "week"}.items():  # fmt: skip
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert app.session_state["got"] == ("flaky", ["e", "w"], "cart", True, 0.8, "week")


def test_what_a_filter_does_not_offer_falls_back() -> None:
    app = AppTest.from_function(_filtered)
    for name, value in {"verdict": "x", "level": ["y"], "p": "7", "by": "year", "new": "?"}.items():
        app.query_params[name] = value
    app.run()
    assert app.session_state["got"] == ("", [], "", False, 0.5, "day")
    assert dict(app.query_params) == {}


def test_what_a_reader_picks_stands_in_the_url_until_it_is_the_default_again() -> None:
    app = AppTest.from_function(_filtered).run()
    app.selectbox(key="verdict").select("flaky").run()
    app.multiselect(key="level").select("w").run()
    app.toggle(key="new").set_value(True).run()
    app.slider(key="p").set_value(0.8).run()
    app.text_input(key="q").input(" cart ").run()
    assert app.session_state["got"] == ("flaky", ["w"], "cart", True, 0.8, "day")
    linked = {name: app.query_params[name] for name in app.query_params}
    assert linked == {
        "verdict": "flaky", "level": "w", "new": "1", "p": "0.8", "q": "cart",
    }  # fmt: skip
    app.selectbox(key="verdict").select("").run()
    app.toggle(key="new").set_value(False).run()
    assert set(app.query_params) == {"level", "p", "q"}


# ---------------------------------------------------------------- notebooks


def cells_of(text: str) -> list[str]:
    """Return the code of an .ipynb, cell by cell."""
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(text: str) -> dict[str, Any]:
    """Run the code cells of a notebook as Jupyter would; return its names."""
    names: dict[str, Any] = {}
    for cell in cells_of(text):
        exec(compile(cell, "notebook", "exec"), names)
    return names


def test_a_notebook_asks_the_same_and_draws_the_rows_it_gets(lake: Lake) -> None:
    projects(lake, "it's", 'a """quoted""" one', "back\\slash")
    rows = data.rows(
        "select project_id, 1 as n from core.projects where project_id <> $other order by all",
        other='"""',
    )
    chart = alt.Chart(rows.frame).mark_bar().encode(x="n:Q", y="project_id:N")
    text = behind.as_notebook(Figure("Projects", rows, "projects", charts=[chart])).decode()
    assert "back\\\\slash" not in text  # the rows are asked for, not written down
    found = run(text)
    assert found["rows"].equals(rows.frame)
    assert found["chart"].to_dict()["datasets"]
    assert found["chart"].to_dict()["mark"]["type"] == "bar"


def test_a_notebook_of_a_past_page_asks_about_the_past(lake: Lake) -> None:
    then = projects(lake, "a")
    projects(lake, "b")
    with moment.held(then):
        rows = data.rows(COUNT)
    found = run(behind.as_notebook(Figure("Projects", rows, "projects")).decode())
    assert found["rows"].item() == 1


def test_a_chart_of_rows_that_a_page_shaped_keeps_its_values(lake: Lake) -> None:
    projects(lake, "a")
    rows = data.rows(COUNT)
    shaped = rows.frame.with_columns(double=pl.col("n") * 2)
    bars = alt.Chart(shaped).mark_bar().encode(x="double:Q")
    layers = alt.layer(bars, alt.Chart(shaped).mark_text().encode(x="double:Q", text="double:Q"))
    text = behind.as_notebook(Figure("It's two", rows, "two", charts=[layers])).decode()
    (values,) = run(text)["chart"].to_dict()["datasets"].values()
    assert values == [{"n": 1, "double": 2}]


def test_layers_of_one_frame_are_live(lake: Lake) -> None:
    projects(lake, "a")
    rows = data.rows(COUNT)
    base = alt.Chart(rows.frame).encode(x="n:Q")
    layers = alt.layer(base.mark_bar(), base.mark_text())
    assert behind.drawn_from(layers) is rows.frame
    text = behind.as_notebook(Figure("One", rows, "one", charts=[layers])).decode()
    assert "chart.data = rows" in text
    run(text)


def test_every_cell_of_a_notebook_has_an_id_of_its_own() -> None:
    made = json.loads(notebook.build("T", "select 1", note="n = 1."))
    ids = [cell["id"] for cell in made["cells"]]
    assert len(set(ids)) == len(ids) == 3
    assert made["nbformat"] == 4


# ---------------------------------------------------------------- words


def test_a_page_without_rows_names_sources_that_have_them() -> None:
    found = sources.filling(["core.incidents"])
    assert "pagerduty" in found
    assert "git" not in found
    assert sources.told(found).startswith("A source of type ")
    assert sources.command(found) == f"golive sources {found[0]}"
    assert sources.told(sources.filling(["core.log_lines"])).count(" or ") == 1
    assert sources.told([]) == ""


def test_a_figure_says_what_it_rests_on() -> None:
    assert charts.basis("3 builds", "minutes", "UTC days.") == "n = 3 builds. Minutes. UTC days."
    assert charts.basis() == ""
    assert charts.slug("Health by pipeline & day") == "health-by-pipeline-day"


def test_golive_notebook_writes_one_that_runs(lake: Lake, tmp_path: Path) -> None:
    projects(lake, "a", "b")
    target = tmp_path / "mine.ipynb"
    command = ["notebook", COUNT, "--out", str(target), "--title", "How many"]
    done = CliRunner().invoke(build(), command)
    assert done.exit_code == 0, done.output
    assert run(target.read_text())["rows"].item() == 2
    again = CliRunner().invoke(build(), command)
    assert isinstance(again.exception, UsageError)
    wrong = CliRunner().invoke(build(), ["notebook", "drop table x", "--out", str(tmp_path / "n")])
    assert isinstance(wrong.exception, QueryError)
    assert not (tmp_path / "n").exists()
